//! Adds the agent's user to the files of a root file system whose own tools cannot run here. PURE.
//!
//! The lines are those that `device-agent install --root` adds.

const USER: &str = "device-agent";
const HOME: &str = "/var/lib/device-agent";

/// `passwd`, `group` and `shadow`; `None` for a file that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) passwd: String,
    pub(super) group: Option<String>,
    pub(super) shadow: Option<String>,
}

/// Every system id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoIdFree;

impl Accounts {
    /// These files with the agent's user and group in them, and the number of the group.
    pub(super) fn with_agent(&self) -> Result<(Self, u32), NoIdFree> {
        let mut with = self.clone();
        let group = with.group.get_or_insert_default();
        let known = number(group, 2);
        let id = if entry(&self.passwd).is_some() && known.is_some() { None } else { Some(self.free_id()?) };
        if let (None, Some(id)) = (known, id) {
            append(group, &format!("{USER}:x:{id}:"));
        }
        let gid = number(group, 2).ok_or(NoIdFree)?;
        if let (None, Some(id)) = (entry(&with.passwd), id) {
            append(&mut with.passwd, &format!("{USER}:x:{id}:{gid}::{HOME}:/usr/sbin/nologin"));
            if let Some(shadow) = with.shadow.as_mut().filter(|shadow| entry(shadow).is_none()) {
                append(shadow, &format!("{USER}:!:::::::"));
            }
        }
        Ok((with, gid))
    }

    /// The highest system id that neither a user nor a group has.
    fn free_id(&self) -> Result<u32, NoIdFree> {
        let ids =
            |text: &str| text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect::<Vec<u32>>();
        let taken = [ids(&self.passwd), ids(self.group.as_deref().unwrap_or_default())].concat();
        (100..1000).rev().find(|id| !taken.contains(id)).ok_or(NoIdFree)
    }
}

/// The agent's line.
fn entry(text: &str) -> Option<&str> {
    text.lines().find(|line| line.split(':').next() == Some(USER))
}

fn number(text: &str, field: usize) -> Option<u32> {
    entry(text)?.split(':').nth(field)?.parse().ok()
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_gets_the_highest_free_system_id_once() {
        let before = Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\ntaken:x:999:998::/:/bin/false".to_owned(),
            group: Some("root:x:0:\ntaken:x:998:\n".to_owned()),
            shadow: Some("root:*:19000:0:99999:7:::\n".to_owned()),
        };
        let (after, gid) = before.with_agent().unwrap();
        assert_eq!(gid, 997);
        let line = "/bin/false\ndevice-agent:x:997:997::/var/lib/device-agent:/usr/sbin/nologin\n";
        assert!(after.passwd.ends_with(line), "{}", after.passwd);
        assert!(after.group.as_deref().unwrap().ends_with("taken:x:998:\ndevice-agent:x:997:\n"));
        assert!(after.shadow.as_deref().unwrap().ends_with("\ndevice-agent:!:::::::\n"));
        assert_eq!(after.with_agent(), Ok((after, 997)));
    }

    #[test]
    fn a_group_that_is_there_is_kept_and_a_full_file_is_said() {
        let mut accounts = Accounts {
            passwd: String::new(),
            group: Some("device-agent:x:150:\ndevice-agent-x:x:999:\n".to_owned()),
            shadow: None,
        };
        let (after, gid) = accounts.with_agent().unwrap();
        assert_eq!((gid, after.passwd.starts_with("device-agent:x:998:150:")), (150, true));
        accounts.passwd = (100..1000).map(|id| format!("u{id}:x:{id}:{id}::/:\n")).collect();
        assert_eq!(accounts.with_agent(), Err(NoIdFree));
    }
}
