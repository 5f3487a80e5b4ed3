//! Machines of a network, made of namespaces. Needs root and `ip`.

#![allow(dead_code, reason = "every story uses some of it")]

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Stopped, skipped};

/// Network namespaces, as machines on cables; gone when dropped.
pub struct Lab {
    tag: String,
    machines: Vec<String>,
}

/// Two machines and one cable.
pub const CABLE: &str = "link add eth0 netns @hub type veth peer name eth0 netns @agent";
pub const ADDRESSES: &str = "
    -n @hub addr add 10.77.0.1/24 dev eth0
    -n @agent addr add 10.77.0.2/24 dev eth0";
impl Lab {
    /// Makes machines, runs `ip` with each line of `steps`, in which `@hub` stands for that machine, and switches everything
    /// on. `None`, and a word why, where namespaces cannot be made.
    pub fn build(name: &str, machines: &[&str], steps: &[&str]) -> Option<Self> {
        let tag = format!("{name}{}", std::process::id());
        let lab = Self { tag, machines: machines.iter().map(|machine| (*machine).to_owned()).collect() };
        let mut done = lab.machines.iter().all(|machine| ip(&format!("netns add {}", lab.space(machine))));
        done = done && steps.iter().all(|steps| lab.run(steps));
        for machine in &lab.machines {
            for interface in ["lo", "eth0", "eth1", "docker0", "p1", "p2", "p3", "br0"] {
                ip(&format!("-n {} link set {interface} up", lab.space(machine)));
            }
        }
        if !done {
            skipped("root and network namespaces (ip netns)");
        }
        done.then_some(lab)
    }

    pub fn run(&self, steps: &str) -> bool {
        steps.lines().map(str::trim).filter(|step| !step.is_empty()).all(|step| {
            let name = |step: String, machine: &String| step.replace(&format!("@{machine}"), &self.space(machine));
            ip(&self.machines.iter().fold(step.to_owned(), name))
        })
    }

    pub fn space(&self, machine: &str) -> String {
        format!("{machine}{}", self.tag)
    }

    pub fn command(&self, machine: &str, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(machine)]).arg(program).args(args);
        command
    }

    pub fn spawn(&self, machine: &str, program: &Path, args: &[&str]) -> Stopped {
        let mut command = self.command(machine, program, args);
        Stopped(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
    }

    pub fn output(&self, machine: &str, program: &Path, args: &[&str]) -> String {
        let output = self.command(machine, program, args).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// What `/etc/hosts` says on one machine.
    pub fn hosts(&self, machine: &str, text: &str) {
        let folder = Path::new("/etc/netns").join(self.space(machine));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("hosts"), text).unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for machine in &self.machines {
            ip(&format!("netns del {}", self.space(machine)));
            let _ = std::fs::remove_dir_all(Path::new("/etc/netns").join(self.space(machine)));
        }
    }
}

fn ip(args: &str) -> bool {
    let done = Command::new("ip").args(args.split(' ')).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}
