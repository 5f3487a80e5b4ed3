//! What goes into the audit log, of which tables: one list, and the triggers that are made of it.
//!
//! The triggers are the writing connection's own (TEMP): the file has none of them, so a hub that is opened by another program
//! behaves as before. They do nothing unless somebody acts (`catalog/audit.rs`). All that one change does to one thing is one entry; what
//! is sealed or hashed is said to have changed, and never what it is.

use rusqlite::Connection;

use crate::store::error::Result;
use crate::store::sqlite::catalog::audit::ACTING_TABLE;

/// Longest text of a value in an entry.
const LONGEST: usize = 200;

/// How a column is shown.
#[derive(Clone, Copy)]
enum As {
    Text,
    /// Of a row of another table: what its id begins with.
    Id(&'static str),
    /// Of somebody: id and name.
    User,
    OnOff,
    Moment,
    Millis,
    Labels,
    /// A key of hardware: its first half says which.
    Key,
    Secret,
    /// Of a setting: of some their text, of the others only that they changed.
    Setting,
}

/// A column: the name of its field (an expression), its own, and how it is shown.
type Column = (&'static str, &'static str, As);

/// A table whose changes by people are kept. `ROW` is the row that came or went.
struct Trail {
    table: &'static str,
    noun: &'static str,
    /// What it is called when a row comes, changes, goes; nothing is kept of what has no word.
    verbs: [&'static str; 3],
    subject: &'static str,
    name: &'static str,
    columns: &'static [Column],
}

const MADE: [&str; 3] = ["created", "changed", "deleted"];
/// A row of a table beside: what it belongs to has changed.
const BESIDE: [&str; 3] = ["changed", "changed", "changed"];
const DEVICE_OF_ROW: &str = "(SELECT 'dev_' || hex(id) FROM device WHERE no = ROW.device)";
const DEVICE_OF_SERIES: &str = "(SELECT 'dev_' || hex(device.id) FROM series JOIN device ON device.no = series.device
    WHERE series.id = ROW.series)";

const NAME_OF_USER: &str = "(SELECT name FROM user WHERE id = ROW.user)";

const TRAILS: [Trail; 16] = [
    Trail {
        table: "rule",
        noun: "rule",
        verbs: MADE,
        // What is kept of a version that is over is no rule of its own.
        subject: "CASE WHEN ROW.id > 0 THEN 'rul_' || ROW.id END",
        name: "ROW.name",
        columns: &[
            ("'name'", "name", As::Text),
            ("'device'", "device", As::Text),
            ("'sensor'", "sensor", As::Text),
            ("'labels'", "labels", As::Labels),
            ("'condition'", "condition", As::Text),
            ("'op'", "op", As::Text),
            ("'value'", "value", As::Text),
            ("'clear'", "clear", As::Text),
            ("'least'", "least", As::Text),
            ("'over'", "over_ms", As::Millis),
            ("'per'", "per_ms", As::Millis),
            ("'after'", "silence_ms", As::Millis),
            ("'within'", "within_ms", As::Millis),
            ("'for'", "hold_ms", As::Millis),
            ("'all webhooks'", "all_webhooks", As::OnOff),
            ("'severity'", "severity", As::Text),
            ("'tags'", "tags", As::Labels),
            ("'enabled'", "enabled", As::OnOff),
            ("'message.title'", "message_title", As::Text),
            ("'message.text'", "message_text", As::Text),
            ("'file'", "file", As::Text),
        ],
    },
    Trail {
        table: "rule_webhook",
        noun: "rule",
        verbs: BESIDE,
        subject: "'rul_' || ROW.rule",
        name: "(SELECT name FROM rule WHERE id = ROW.rule)",
        columns: &[("'webhook ' || (ROW.position + 1)", "webhook", As::Id("whk_"))],
    },
    Trail {
        table: "webhook",
        noun: "webhook",
        verbs: MADE,
        subject: "'whk_' || ROW.id",
        name: "ROW.name",
        columns: &[
            ("'name'", "name", As::Text),
            ("'kind'", "kind", As::Text),
            ("'url, headers or fields'", "url_sealed", As::Secret),
            ("'past'", "past", As::OnOff),
            ("'for_new_rules'", "for_new_rules", As::OnOff),
            ("'least_severity'", "least_severity", As::Text),
            ("'labels'", "labels", As::Labels),
            ("'tags'", "tags", As::Labels),
            ("'quiet_hours.days'", "quiet_days", As::Text),
            ("'quiet_hours.from'", "quiet_from", As::Text),
            ("'quiet_hours.until'", "quiet_until", As::Text),
            ("'quiet_hours.zone'", "quiet_zone", As::Text),
            ("'quiet_hours.critical_passes'", "quiet_critical", As::OnOff),
            ("'repeat_every'", "repeat_ms", As::Millis),
            ("'enabled'", "enabled", As::OnOff),
        ],
    },
    Trail {
        table: "webhook_secret",
        noun: "webhook",
        verbs: ["changed", "", ""],
        subject: "'whk_' || ROW.webhook",
        name: "(SELECT name FROM webhook WHERE id = ROW.webhook)",
        columns: &[("'secret'", "sealed", As::Secret)],
    },
    Trail {
        table: "silence",
        noun: "silence",
        verbs: MADE,
        subject: "'sil_' || ROW.id",
        name: "''",
        columns: &[
            ("'rule'", "rule", As::Id("rul_")),
            ("'device'", "device", As::Text),
            ("'sensor'", "sensor", As::Text),
            ("'labels'", "labels", As::Labels),
            ("'from'", "from_at", As::Moment),
            ("'until'", "until_at", As::Moment),
            ("'days'", "days", As::Text),
            ("'day_from'", "day_from", As::Text),
            ("'day_until'", "day_until", As::Text),
            ("'zone'", "zone", As::Text),
            ("'comment'", "comment", As::Text),
        ],
    },
    Trail {
        table: "alert",
        noun: "alert",
        // What rules say of it is no change of a person.
        verbs: ["", "acknowledged", ""],
        subject: "'alr_' || ROW.id",
        name: "ROW.rule_name || COALESCE(' on ' || (SELECT name FROM device WHERE no = ROW.device), '')",
        columns: &[("'acknowledged'", "acked_at", As::Moment), ("'comment'", "ack_comment", As::Text)],
    },
    Trail {
        table: "token",
        noun: "token",
        verbs: ["created", "changed", "revoked"],
        subject: "'tok_' || ROW.id",
        name: "ROW.name",
        columns: &[
            ("'scope'", "scope", As::Text),
            ("'labels'", "labels", As::Labels),
            ("'expires_at'", "expires_at", As::Moment),
        ],
    },
    Trail {
        table: "join_token",
        noun: "join_token",
        verbs: ["created", "", "revoked"],
        subject: "'jtk_' || ROW.id",
        name: "ROW.name",
        columns: &[
            ("'uses_left'", "uses_left", As::Text),
            ("'labels'", "labels", As::Labels),
            ("'expires_at'", "expires_at", As::Moment),
        ],
    },
    Trail {
        table: "session",
        noun: "session",
        verbs: ["began", "", "ended"],
        subject: "'ses_' || ROW.id",
        name: "ROW.browser",
        columns: &[("'user'", "user", As::User), ("'address'", "address", As::Text)],
    },
    Trail {
        table: "user",
        noun: "user",
        verbs: MADE,
        subject: "'usr_' || ROW.id",
        name: "ROW.name",
        columns: &[
            ("'name'", "name", As::Text),
            ("'role'", "role", As::Text),
            ("'enabled'", "enabled", As::OnOff),
            ("'password'", "password", As::Secret),
            ("'sign-in link'", "invite", As::Secret),
        ],
    },
    Trail {
        table: "second_factor",
        noun: "user",
        verbs: BESIDE,
        subject: "'usr_' || ROW.user",
        name: NAME_OF_USER,
        columns: &[("'second factor'", "is_on", As::OnOff)],
    },
    Trail {
        table: "recovery_code",
        noun: "user",
        verbs: BESIDE,
        subject: "'usr_' || ROW.user",
        name: NAME_OF_USER,
        columns: &[("'recovery codes'", "hash", As::Secret)],
    },
    Trail {
        table: "device",
        noun: "device",
        verbs: ["added", "changed", "deleted"],
        subject: "'dev_' || hex(ROW.id)",
        name: "ROW.name",
        columns: &[
            ("'name'", "name", As::Text),
            ("'standing'", "standing", As::Text),
            ("'labels'", "labels", As::Labels),
            ("'expected_interval'", "interval_ms", As::Millis),
            ("'key'", "key", As::Key),
        ],
    },
    Trail {
        table: "note_of_device",
        noun: "device",
        verbs: BESIDE,
        subject: DEVICE_OF_ROW,
        name: "(SELECT name FROM device WHERE no = ROW.device)",
        columns: &[("'notes'", "notes", As::Text)],
    },
    Trail {
        table: "kind_by_owner",
        noun: "device",
        verbs: BESIDE,
        subject: DEVICE_OF_SERIES,
        name: "(SELECT device.name FROM series JOIN device ON device.no = series.device WHERE series.id = ROW.series)",
        columns: &[("'kind of ' || (SELECT sensor FROM series WHERE id = ROW.series)", "kind", As::Text)],
    },
    Trail {
        table: "setting",
        noun: "setting",
        verbs: BESIDE,
        subject: "ROW.key",
        name: "''",
        columns: &[("'value'", "value", As::Setting)],
    },
];

/// Makes the triggers.
pub(in crate::store) fn lay(conn: &Connection) -> Result<()> {
    conn.execute_batch(ACTING_TABLE)?;
    for trail in &TRAILS {
        for (event, verb) in [Event::Came, Event::Changed, Event::Went].into_iter().zip(trail.verbs) {
            if !verb.is_empty() {
                conn.execute_batch(&trigger(trail, event, verb))?;
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Came,
    Changed,
    Went,
}

fn trigger(trail: &Trail, event: Event, verb: &str) -> String {
    let Trail { table, noun, columns, .. } = trail;
    let row = if event == Event::Went { "OLD." } else { "NEW." };
    let of_row = |text: &str| text.replace("ROW.", row);
    let (subject, name) = (of_row(trail.subject), of_row(trail.name));
    let differs: Vec<String> =
        columns.iter().map(|(_, column, _)| format!("OLD.{column} IS NOT NEW.{column}")).collect();
    let names: Vec<&str> = columns.iter().map(|(_, column, _)| *column).collect();
    let (word, on, when) = match event {
        Event::Came => ("came", "INSERT".to_owned(), String::new()),
        Event::Changed => {
            ("changed", format!("UPDATE OF {}", names.join(", ")), format!(" AND ({})", differs.join(" OR ")))
        }
        Event::Went => ("went", "DELETE".to_owned(), String::new()),
    };
    let own = format!("id > (SELECT since FROM acting) AND subject = {subject}");
    let mut sql = format!(
        "CREATE TEMP TRIGGER audit_{table}_{word} AFTER {on} ON {table} WHEN EXISTS (SELECT 1 FROM acting){when} BEGIN
            INSERT INTO audit (at, kind, who, address, action, subject, name)
                SELECT at, kind, who, address, '{noun}.{verb}', {subject}, COALESCE({name}, '') FROM acting
                WHERE {subject} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM audit WHERE {own});"
    );
    if verb != "changed" {
        // Rows beside it may have come or gone first.
        sql += &format!("UPDATE audit SET action = '{noun}.{verb}', name = {name} WHERE {own};");
    }
    for column in *columns {
        sql += &field(*column, event, &own).replace("ROW.", row);
    }
    sql + "END"
}

/// One field of the entry; changed twice, it has what was before both.
fn field((field, column, shown): Column, event: Event, own: &str) -> String {
    let (old, new) = (shown.sql(&format!("OLD.{column}"), "OLD."), shown.sql(&format!("NEW.{column}"), "NEW."));
    let (before, after, differs) = match event {
        Event::Came => ("NULL".to_owned(), new, format!("NEW.{column} IS NOT NULL")),
        Event::Changed => (old, new, format!("OLD.{column} IS NOT NEW.{column}")),
        Event::Went => (old, "NULL".to_owned(), format!("OLD.{column} IS NOT NULL")),
    };
    format!(
        "INSERT INTO audit_field (entry, field, before, after)
            SELECT id, {field}, {before}, {after} FROM audit WHERE {own} AND {differs}
            ON CONFLICT (entry, field) DO UPDATE SET after = excluded.after;"
    )
}

impl As {
    /// The expression of the text.
    fn sql(self, value: &str, row: &str) -> String {
        let text = |text: &str| format!("NULLIF(substr({text}, 1, {LONGEST}), '')");
        match self {
            Self::Text => text(&format!("CAST({value} AS TEXT)")),
            Self::User => {
                format!("'usr_' || {value} || COALESCE(' ' || (SELECT name FROM user WHERE id = {value}), '')")
            }
            Self::Id(prefix) => format!("'{prefix}' || {value}"),
            Self::OnOff => format!("CASE {value} WHEN 0 THEN 'off' WHEN 1 THEN 'on' END"),
            Self::Moment => format!("strftime('%Y-%m-%dT%H:%M:%SZ', {value} / 1000, 'unixepoch')"),
            Self::Millis => format!("({value} / 1000.0) || ' s'"),
            Self::Labels => text(&format!("rtrim(replace({value}, char(10), ' '))")),
            Self::Key => format!("lower(hex(substr({value}, 1, 16)))"),
            Self::Secret => format!("CASE WHEN length({value}) > 0 THEN '(hidden)' END"),
            Self::Setting => format!(
                "CASE WHEN {row}key IN ('join_policy', 'offline_after', 'retention') THEN {}
                 WHEN length({value}) > 0 THEN '(hidden)' END",
                text(&format!("CAST({value} AS TEXT)"))
            ),
        }
    }
}
