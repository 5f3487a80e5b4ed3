//! One thing to read: the smallest piece of work that can hang by itself.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::cpu::Cpu;
use super::device::{Device, Part, Print};
use super::disk::Disk;
use super::files::{Files, Spot, print_of};
use super::limits::{Level, Quantity};
use super::open::{Open, Watch};
use super::origin::{self, Origin};
use super::proof::Proof;
use super::{Class, Error, Samples, disk, hwmon, iio, load, memory, network, power, thermal};
use crate::crew::Pace;

/// How long to wait for a pipe before others continue without it.
const WAIT: Duration = Duration::from_secs(1);

/// What is read.
#[derive(Debug)]
pub(super) enum Task {
    /// Which devices of a class there are.
    List,
    /// What a device is and has; holds the print of the last time.
    Describe(Option<Print>),
    Cpu(Cpu),
    Memory,
    Load,
    /// A whole source, with the names of its cards.
    Network(network::Names),
    Disk(Disk),
    /// A sensor of this name, or a supply.
    Part(Part, String),
}

/// What was found out about what there is to read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// Names of the folders of a class, in the order in which the kernel counts.
    Folders(Vec<String>),
    Disks(Vec<Disk>),
    /// Network cards, of which some have no name.
    Cards(Vec<String>),
    Device(Box<Device>),
}

/// Something that is read again and again.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) class: Class,
    pub(super) task: Task,
    files: Files,
    root: PathBuf,
    /// The fields below hold results of the last run.
    is_told: bool,
    /// What it gave.
    pub(super) samples: Samples,
    /// What it had given when it set out again to wait for the rest.
    pub(super) before: Samples,
    /// Why it gave nothing, as a whole.
    pub(super) result: Result<(), Error>,
    /// What it found; nothing if that is the same as before.
    pub(super) found: Option<Found>,
}

/// What an errand brought back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Brought {
    /// Its sensor measures so much; nothing else is to be told.
    Value(&'static Quantity, f64),
    /// It is told in the errand.
    Told,
    /// It was a tour, and is told there.
    Toured,
}

impl Errand {
    /// An errand in the folder `folder` below `root`, of whatever is there.
    pub(super) fn new(class: Class, task: Task, (root, folder): (&Path, &str)) -> Self {
        Self {
            class,
            task,
            files: Files::new(root, folder),
            root: root.to_owned(),
            is_told: false,
            samples: Samples::default(),
            before: Samples::default(),
            result: Ok(()),
            found: None,
        }
    }

    /// The same of the thing that `proof` is of, in a folder that it shares with those who have the same `watch`.
    pub(super) fn of_one_thing(mut self, proof: Proof, watch: Arc<Watch>) -> Self {
        self.files = self.files.watched(watch).of_one_thing(proof);
        self
    }

    /// Tells which file it is at.
    pub(super) fn spot(&self) -> Arc<Spot> {
        self.files.spot()
    }

    /// Whether a file had nothing at once, and might have with more time.
    pub(super) fn wants_time(&self) -> bool {
        self.files.wants_time()
    }

    /// Waits no more for files that had nothing just now.
    pub(super) fn give_up(&mut self) {
        self.files.give_up();
    }

    /// Looks again for files that were not there.
    pub(super) fn refresh(&mut self) {
        self.files.refresh();
    }

    /// The file that holds its value, if that takes no other.
    pub(super) fn hand_on(&mut self) -> Option<Open> {
        self.files.hand_on()
    }

    pub(super) fn run(&mut self, pace: Pace) -> Brought {
        if self.is_told {
            self.samples.clear();
            (self.result, self.found, self.is_told) = (Ok(()), None, false);
        }
        self.files.allow(if pace == Pace::Slow { WAIT } else { Duration::ZERO });
        match self.read() {
            Ok(Level::Value(quantity, value)) => return Brought::Value(quantity, value),
            Ok(Level::LeftOut(why)) => {
                if let Task::Part(_, name) = &self.task {
                    self.samples.leave_out(name, why);
                }
            }
            Ok(Level::Silent(errno)) => {
                if let Task::Part(part, name) = &self.task {
                    self.samples.be_silent(name, &part.file(), errno);
                }
            }
            Ok(Level::Nothing) => {}
            Err(error) => self.result = Err(error),
        }
        self.is_told = true;
        Brought::Told
    }

    /// Reads. A single value is returned; everything else is put into `samples` and `found`.
    fn read(&mut self) -> Result<Level, Error> {
        let Self { task, files, samples, class, found, root, .. } = self;
        match task {
            Task::List => *found = Some(list(*class, files)?),
            Task::Describe(print) => {
                *found = describe(*class, files, root, *print)?.map(Box::new).map(Found::Device);
                if let Some(Found::Device(device)) = found {
                    *print = Some(device.print).filter(|_| device.unanswered.is_none());
                    device.unanswered.clone().map_or(Ok(()), Err)?;
                }
            }
            Task::Cpu(cpu) => cpu.sample(files, samples)?,
            Task::Memory => memory::sample(files, samples)?,
            Task::Load => load::sample(files, samples)?,
            Task::Network(names) => *found = network::sample(names, files, samples)?.map(Found::Cards),
            Task::Disk(disk) => disk::sample(disk, files, samples),
            Task::Part(Part::Hwmon(input), _) => return hwmon::sample(input, files),
            Task::Part(Part::Zone, _) => return thermal::sample(files),
            Task::Part(Part::Iio(channel), name) => iio::sample(channel, files, name, samples)?,
            Task::Part(Part::Supply, name) => power::sample(files, name, samples),
        }
        Ok(Level::Nothing)
    }
}

fn list(class: Class, files: &mut Files) -> Result<Found, Error> {
    if class == Class::Disk {
        return Ok(Found::Disks(disk::list(files)?));
    }
    let mut names: Vec<(u32, String)> = files
        .list("")?
        .into_iter()
        .filter_map(|(name, _)| match class.prefix() {
            "" => Some((0, name)),
            prefix => Some((name.strip_prefix(prefix)?.parse().ok()?, name)),
        })
        .collect();
    names.sort_unstable();
    Ok(Found::Folders(names.into_iter().map(|(_, name)| name).collect()))
}

/// What is in the folder of a device; nothing if it is what it was.
fn describe(class: Class, files: &mut Files, root: &Path, last: Option<Print>) -> Result<Option<Device>, Error> {
    let folder = files.folder().to_owned();
    let (own, beside) = (print_of(&folder), || print_of(&folder.join(hwmon::DEVICE)));
    if last == Some(Print { own, beside: last.and_then(|last| last.beside).map(|_| beside()) }) {
        return Ok(None);
    }
    let mut proof = Proof::of(&folder);
    let beside = Some(class).filter(|class| *class == Class::Hwmon).map(|_| beside());
    let ino = |file: &str| fs::metadata(folder.join(file)).map_or(0, |about| about.ino());
    let mut unanswered = None;
    let (base, parts): (String, Vec<(Part, u64)>) = match class {
        Class::Hwmon => {
            let hwmon::Chip { name, inputs, unanswered: label } = hwmon::describe(files)?;
            unanswered = label;
            (name, inputs.into_iter().map(|(input, ino)| (Part::Hwmon(input), ino)).collect())
        }
        Class::Iio => {
            let (name, channels) = iio::describe(files)?;
            (name, channels.into_iter().map(|(channel, ino)| (Part::Iio(channel), ino)).collect())
        }
        Class::Thermal => (files.word("type")?.unwrap_or_default(), vec![(Part::Zone, ino("temp"))]),
        Class::Power => (folder_name(&folder), vec![(Part::Supply, own)]),
        Class::Cpu | Class::Memory | Class::Load | Class::Disk | Class::Network => return Ok(None),
    };
    let beside = beside.filter(|_| parts.iter().all(|(part, _)| part.file().starts_with(hwmon::DEVICE)));
    let own_name = base;
    let says = if class == Class::Power { &*own_name } else { origin::without_number(&own_name) };
    let (mut base, name, called) = (super::cut_part(says), super::name_part(says), super::cut_part(&own_name));
    if base.is_empty() {
        class.unnamed().clone_into(&mut base);
    }
    let cut = Some(name).filter(|name| !name.is_empty() && *name != base);
    let mut origin = if class != Class::Power {
        origin::of(root, &folder, &base)?
    } else {
        // Batteries of mice and headsets are counted, unless they say who they are; the machine's own have names.
        match (files.word("scope")?.as_deref(), files.word("serial_number")?) {
            (Some("Device"), Some(serial)) => {
                let model = files.word("model_name")?.unwrap_or_default();
                let named = Origin::named(&own_name);
                Origin::serial(&model, &serial).map_or_else(|| named.clone(), |origin| origin.at(named.clone()))
            }
            _ => Origin::named(&own_name),
        }
    };
    // It goes by what can be read, and that is said.
    let unanswered = unanswered.or_else(|| files.take_unread()).or_else(|| origin.unread.take());
    // It became another's meanwhile: the next look finds whose.
    if !proof.holds(&folder) {
        return Ok(None);
    }
    let print = Print { own, beside };
    Ok(Some(Device { print, base, called, cut, origin, proof, parts, unanswered }))
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
