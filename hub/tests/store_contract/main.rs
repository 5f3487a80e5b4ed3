//! What the store promises, through its public methods alone, once for each engine: a second one has to pass the same suite.
//! What only SQLite has (its file, its log, backups of it) is in `store_sqlite`.

#![expect(clippy::unwrap_used, reason = "the scenes below the tests fail as loudly as the tests")]

/// The suite on an engine: a module of its name, with every scene and test in it.
macro_rules! on {
    ($engine:ident, $config:expr) => {
        #[path = "."]
        mod $engine {
            /// The store of a directory on this engine.
            pub(crate) const CONFIG: fn(&std::path::Path) -> telemetry_hub::store::Config = $config;

            mod about;
            mod access;
            mod ages;
            mod alerts;
            mod audit;
            mod commits;
            mod counters;
            mod cut;
            mod devices;
            mod explained;
            mod figures;
            mod folds;
            mod ledger;
            mod outbox;
            mod quiet;
            mod readings;
            mod rules;
            mod scene;
            mod waiting;
            mod webhooks;
        }
    };
}

on!(sqlite, |dir| telemetry_hub::store::Config { dir: dir.to_owned(), ..telemetry_hub::store::Config::default() });
