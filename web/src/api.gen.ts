// Generated from the hub's OpenAPI document by `npm run gen`; do not edit.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Alerts to acknowledge. */
        AckManyRequest: {
            /** @description Ids of 1 to 1,000 alerts. */
            alerts: string[];
            /** @description A comment. */
            comment?: string | null;
        };
        /** @description An acknowledgement. */
        AckRequest: {
            /** @description A comment. */
            comment?: string | null;
        };
        /** @description The result. */
        AckedMany: {
            /** @description How many had not been acknowledged before. */
            acknowledged: number;
        };
        /** @description By which addresses others reach the hub, as `host:port`, the likeliest first. Empty where it listens on loopback only. */
        Addresses: {
            /** @description Devices, by UDP. */
            agents: string[];
            /** @description Browsers and programs. */
            page: string[];
            /** @description URL of its page, if it was set with `--url`. */
            url: string | null;
        };
        /** @description How to adopt a device. */
        AdoptRequest: {
            /** @description Labels to give it, on top of its own. */
            labels?: {
                [key: string]: string;
            } | null;
            /** @description Name to give it; what it calls itself otherwise. */
            name?: string | null;
        };
        /** @description An alert: a rule whose condition is met by one series, or a problem of the hub itself. */
        Alert: {
            /** @description What they said. */
            ack_comment: string | null;
            /** @description When a person acknowledged it. */
            acked_at: string | null;
            /** @description Name of the user or token that acknowledged it; null where that is not known. */
            acked_by: string | null;
            counting: components["schemas"]["Counting"] | null;
            /** @description Id of the device; empty when it is about the hub, or about several devices. */
            device: string;
            /** @description Its name; `hub` when it is about the hub, `several devices` when it is about those. */
            device_name: string;
            /** @description Names of up to three of the devices that are counted, when it fired; empty for other conditions. */
            devices: string[];
            /** @description When the condition had been met for long enough. */
            fired_at: string | null;
            /** @description Text of its id. */
            id: string;
            /** @description Labels of the device. */
            labels: {
                [key: string]: string;
            };
            /**
             * Format: double
             * @description What was measured when it ended; null where its rule ended it, not a reading. 0 of a sensor or a device that was heard again.
             */
            last_value: number | null;
            /** @description When the hub learned of the last change: later than it happened where readings arrived late. */
            learned_at: string;
            /** @description What the values and `threshold` say. */
            measure: components["schemas"]["Measure"];
            /** @description Whether it ended because the level that fired it had stayed so long that it counts as usual. */
            new_normal: boolean;
            /**
             * @description What each measured of several conditions that are joined, when it fired; while it is pending, when
             *     it began; of one that is resolved, when it ended.
             */
            parts: components["schemas"]["AlertPart"][];
            /**
             * @description When the condition ended. Of a historical alert: or the time after which nothing more is known, or another alert
             *     covers it.
             */
            resolved_at: string | null;
            /** @description Which rule; of the hub's own `rul_0`, named `hub.disk_full`, `hub.disk_nearly_full` or `hub.database_damaged`. */
            rule: components["schemas"]["RuleName"];
            /**
             * @description Sensor; empty when it is about several devices, `device_offline`, `source_failing` or `clock_off` when it is about the whole device, `disk_full` and so on when it
             *     is about the hub.
             */
            sensor: string;
            /** @description How bad it is. */
            severity: components["schemas"]["Severity"];
            /** @description When the condition became true; of silence, when its limit had passed since the last reading. */
            started_at: string;
            /** @description Where it stands. */
            state: components["schemas"]["AlertState"];
            /** @description Tags of its rule when the alert began. */
            tags: {
                [key: string]: string;
            };
            /**
             * Format: double
             * @description The limit.
             */
            threshold: number;
            /** @description Unit of the limit: `unit`, but of `stuck`, where it is for how long it may stand still, `s`. */
            threshold_unit: string;
            /** @description Unit of the values: the sensor's, or `Cel/min`, `sigma`, `s`. */
            unit: string;
            /** @description Since when nothing is heard of what it is about, where it is `unknown`; null in other states. */
            unknown_since: string | null;
            usual: components["schemas"]["Usual"] | null;
            /**
             * Format: double
             * @description What was measured when it fired; while it is pending, when it began. Null for silence, and of one that ended under a
             *     version that did not keep it.
             */
            value: number | null;
            was: components["schemas"]["AlertState"] | null;
            /**
             * Format: double
             * @description Of all that was measured while it lasted, what lay farthest beyond the limit; null as `value` is. While it fires it
             *     follows in steps of a tenth.
             */
            worst_value: number | null;
        };
        /** @description One alert, and why it fired. */
        AlertDetail: components["schemas"]["ListedAlert"] & {
            /** @description What else fired within ten minutes: first on the same device, then on devices that share a label. At most ten. */
            beside: components["schemas"]["Beside"][];
            /** @description Start of the time that a chart of it shows. */
            chart_from: string;
            /** @description End of that time. */
            chart_to: string;
            device_then: components["schemas"]["DeviceThen"] | null;
            /** @description How often the rule fired in the days before, this time included. */
            fired: components["schemas"]["FiredBefore"];
            /**
             * Format: int64
             * @description How many seconds after it happened the hub knew, when it fired; null where that was not kept.
             */
            late_s: number | null;
            rule_then: components["schemas"]["RuleThen"] | null;
            /** @description What happened, oldest first. */
            story: components["schemas"]["StoryEntry"][];
        };
        /** @description What one of several conditions measured. */
        AlertPart: {
            /** @description Whether it was true. */
            is_true: boolean;
            /** @description What `value` and `threshold` say. */
            measure: components["schemas"]["Measure"];
            /** @description Sensor. */
            sensor: string;
            /**
             * Format: double
             * @description The limit.
             */
            threshold: number;
            /** @description Unit of the limit: `unit`, but of `stuck` `s`. */
            threshold_unit: string;
            /** @description Unit of both. */
            unit: string;
            usual: components["schemas"]["Usual"] | null;
            /**
             * Format: double
             * @description What was measured; null where nothing was known.
             */
            value: number | null;
        };
        /**
         * @description Where an alert stands.
         * @enum {string}
         */
        AlertState: "pending" | "firing" | "resolved" | "unknown" | "historical";
        /** @description An answer. */
        Answered_BTreeMap_String_BTreeSet_Metadata: {
            data: {
                [key: string]: {
                    /** @description Always empty. */
                    help: string;
                    /** @description `counter` or `gauge`. */
                    type: string;
                    /** @description Unit code, as `/api/v1/devices/{id}/sensors` has it. */
                    unit: string;
                }[];
            };
            /** @description Always `success`. */
            status: string;
        };
        /** @description An answer. */
        Answered_BTreeSet_String: {
            data: string[];
            /** @description Always `success`. */
            status: string;
        };
        /** @description An answer. */
        Answered_Build: {
            /** @description What answers. */
            data: {
                /** @description What it is. */
                application: string;
                /** @description Its own version. */
                revision: string;
                /** @description The version of Prometheus whose PromQL this is: Grafana asks, to know what it may ask for. */
                version: string;
            };
            /** @description Always `success`. */
            status: string;
        };
        /** @description An answer. */
        Answered_Vec_BTreeMap: {
            data: {
                [key: string]: string;
            }[];
            /** @description Always `success`. */
            status: string;
        };
        /** @description An answer. */
        Answered_Worth: {
            /** @description What a question is worth, for the contract. */
            data: {
                /** @description Series with `metric`, and `value` (`[seconds, "number"]`) or `values`; of a scalar or string the pair itself. */
                result: unknown;
                /** @description `vector`, `matrix`, `scalar` or `string`. */
                resultType: string;
            };
            /** @description Always `success`. */
            status: string;
        };
        /** @description What is sent to the echo. */
        AskEcho: {
            /** @description What happens, invented; `alert.firing` when left out. */
            event: components["schemas"]["Event"];
        };
        /** @description A webhook that is not saved, and what it would tell of. */
        AskPreview: {
            /** @description What happens; `alert.firing` when left out. */
            event: components["schemas"]["Event"];
            /** @description What the kind asks for beside the URL. Of secrets `(hidden)` is enough: they are not shown. */
            fields: {
                [key: string]: string;
            };
            /** @description Extra request headers; their values are not shown. */
            headers: {
                [key: string]: string;
            };
            /** @description What reads its messages; `generic` when left out. */
            kind: components["schemas"]["WebhookKind"];
            /** @description Its name: a test says it. */
            name: string;
            /** @description Id of the stored webhook that it would change: what is `(hidden)` here is as it is there. */
            of: string | null;
            template: components["schemas"]["RequestTemplate"] | null;
            /** @description Where it would send. As that of a stored one is shown, with `(hidden)`, it is the stored one while the kind is the same. */
            url: string;
        };
        /** @description One try. */
        Attempt: {
            /** @description When it began. */
            at: string;
            /**
             * Format: int32
             * @description How long it took.
             */
            duration_ms: number;
            /** @description Why no answer came, or what a mail server said, whose words only an admin sees. */
            error: string | null;
            /**
             * @description What went before the body: where to, and headers, one a line, with `(hidden)` for what lets in. Only of a delivery that is asked
             *     for by its id, and only an admin sees it.
             */
            request_head: string | null;
            /** @description First KiB of the answer; only an admin sees it. */
            response: string | null;
            /**
             * @description What came before the answer's body, as far as it is kept. Only of a delivery that is asked for by its id, and only an admin sees
             *     it.
             */
            response_head: string | null;
            /**
             * Format: int32
             * @description HTTP status; of `email` the code of SMTP.
             */
            status: number | null;
        };
        /** @description Who did it. */
        AuditActor: {
            /** @description Address they came from; null for a command. */
            address: string | null;
            /** @description How they are known. */
            kind: components["schemas"]["AuditKind"];
            /** @description Id and name of the session or token, the user of a command, how somebody signed in; may be empty. */
            name: string;
        };
        /** @description What was changed of it. A secret is `(hidden)` before and after. */
        AuditChange: {
            /** @description What it became; null where nothing is left. */
            after: string | null;
            /** @description What it was; null where there was nothing. */
            before: string | null;
            /** @description Which field. */
            field: string;
        };
        /** @description Something that a person changed, or tried. */
        AuditEntry: {
            /** @description What was done, such as `rule.changed` or `sign_in.refused`. */
            action: string;
            /** @description When. */
            at: string;
            /** @description By whom. */
            by: components["schemas"]["AuditActor"];
            /** @description What changed. */
            changes: components["schemas"]["AuditChange"][];
            /**
             * Format: int64
             * @description Number, growing with time.
             */
            id: number;
            /** @description Its name then, or more about it; may be empty. */
            name: string;
            /** @description Id of what it was done to, or the key of a setting; may be empty. */
            subject: string;
        };
        /**
         * @description How somebody is known.
         * @enum {string}
         */
        AuditKind: "session" | "token" | "admin_file" | "command" | "sign_in" | "nobody";
        BTreeMap: {
            [key: string]: string;
        };
        /** @description What the rule would have done. */
        Backtest: {
            difference: components["schemas"]["Difference"] | null;
            /**
             * Format: int64
             * @description How often it would have fired, on all series together.
             */
            fires: number;
            /** @description Start of the range. */
            from: string;
            /** @description What the values of the firings mean. */
            measure: components["schemas"]["Measure"];
            /** @description Other sensors that its condition names and none of the devices has that it would watch. */
            missing: string[];
            needs: components["schemas"]["Needs"] | null;
            /** @description Devices on which it would have fired, the loudest first, and how often that is a week. */
            noise: components["schemas"]["Noise"][];
            /** @description One per series that was evaluated, in the order of the catalog. */
            series: components["schemas"]["SeriesBacktest"][];
            /** @description End of the range. */
            to: string;
            /** @description Whether series are missing here: too many, or too many readings for one request. */
            truncated: boolean;
            /** @description Series it would have watched. */
            watched: number;
        };
        /** @description A rule, and the range to try it on. */
        BacktestRequest: {
            against?: components["schemas"]["NewRule"] | null;
            from?: components["schemas"]["Time"] | null;
            /** @description The rule, as for making one; its `name` may be left out, and it need not be `enabled`. */
            rule: components["schemas"]["NewRule"];
            to?: components["schemas"]["Time"] | null;
        };
        /** @description Another alert that fired about then. */
        Beside: {
            /** @description Id of the device; empty when it is about the hub. */
            device: string;
            /** @description Its name. */
            device_name: string;
            /** @description When it fired. */
            fired_at: string | null;
            /** @description Text of its id. */
            id: string;
            /** @description Which rule. */
            rule: components["schemas"]["RuleName"];
            /** @description Sensor. */
            sensor: string;
            /** @description How bad it is. */
            severity: components["schemas"]["Severity"];
        };
        /** @description What answers. */
        Build: {
            /** @description What it is. */
            application: string;
            /** @description Its own version. */
            revision: string;
            /** @description The version of Prometheus whose PromQL this is: Grafana asks, to know what it may ask for. */
            version: string;
        };
        /** @description One firing that differs: with `before` only it vanishes, with `after` only it appears, with both it moves. */
        ChangedFiring: {
            after: components["schemas"]["Firing"] | null;
            before: components["schemas"]["Firing"] | null;
            /** @description Id of the device. */
            device: string;
            /** @description Its name. */
            device_name: string;
            /** @description Sensor. */
            sensor: string;
        };
        /** @description What a client sends. */
        ClientRequest: {
            /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. All when left out. */
            device?: string | null;
            /**
             * Format: int32
             * @description Chosen by the client; comes back in every message about it.
             */
            id: number;
            /**
             * Format: double
             * @description Maximum number of frames per second; 10 when left out.
             */
            max_hz?: number | null;
            resume?: components["schemas"]["Resume"] | null;
            /** @description Glob over sensor names; all when left out. */
            sensor?: string | null;
            /** @enum {string} */
            type: "subscribe";
        } | {
            /**
             * Format: int32
             * @description Which.
             */
            id: number;
            /** @enum {string} */
            type: "unsubscribe";
        };
        /** @description A code. */
        CodeRequest: {
            /** @description Of the authenticator app; where it is on already, also a recovery code. */
            code: string;
        };
        /** @description The condition of a rule. */
        Condition: components["schemas"]["SensorCondition"] | components["schemas"]["DeviceCondition"] | components["schemas"]["WholeCondition"] | components["schemas"]["SelectionCondition"];
        /** @description Two machines use one identity: a copied card, a restored snapshot. */
        Conflict: {
            /** @description Their addresses: first the one the hub accepts, then the one whose readings it refuses. */
            addresses: string[];
            /** @description What to do. */
            hint: string;
            /** @description Since when. */
            since: string;
        };
        /** @description The state of a device that is counted. */
        Counting: {
            /**
             * Format: int64
             * @description How many devices the rule is about.
             */
            devices: number;
            /** @description What is held against `threshold`. */
            measure: components["schemas"]["Measure"];
            /** @description Their sensors, as the rule names them. */
            sensor: string;
            /**
             * Format: double
             * @description The limit of the state.
             */
            threshold: number;
            /** @description Unit of their readings. */
            unit: string;
        };
        /** @description One message to one webhook, with every attempt. */
        Delivery: {
            /** @description Id of the alert. */
            alert: string | null;
            /** @description How many. */
            attempt_count: number;
            /** @description Every attempt, oldest first. */
            attempts: components["schemas"]["Attempt"][];
            /** @description When it was created. */
            created_at: string;
            /**
             * Format: int64
             * @description How many seconds after it was caused, or had waited for others of its rule, the receiver took it, where that is more than 60.
             */
            delayed_by: number | null;
            /** @description Of how many devices it tells, where it is more than one; `alert` is that of the first then. */
            devices: number | null;
            /** @description What happened. */
            event: components["schemas"]["Event"];
            /** @description Until when it waits, or waited, to be told with others of its rule. */
            held_until: string | null;
            /** @description Text of its id; the `webhook-id` header of every attempt. */
            id: string;
            /** @description When it is tried next. */
            next_attempt_at: string | null;
            /** @description Until when it waits at least for the end of the quiet hours of its webhook, while they last. */
            quiet_until: string | null;
            /** @description Where it stands. */
            state: components["schemas"]["DeliveryState"];
            /** @description Id of the delivery (`alerts.summary`) that tells of this one in its place, and has the same end. */
            summary: string | null;
            /** @description Id of the webhook. */
            webhook: string;
        };
        /**
         * @description Where a delivery stands.
         * @enum {string}
         */
        DeliveryState: "pending" | "delivered" | "failed" | "withdrawn";
        /** @description A delivery with its message. */
        DeliveryWithBody: components["schemas"]["Delivery"] & {
            /** @description What is sent, in the form of the webhook's kind, its secrets as `(hidden)`; who is no admin sees the hub's own form of it. */
            body: string;
        };
        /** @description A device. */
        Device: {
            /** @description Where it was last heard. */
            address: string | null;
            /**
             * Format: double
             * @description Its clock minus the hub's, in milliseconds: as it measured it itself, or of a device without a link by how its newest
             *     readings lie to the moment they come; null while unknown.
             */
            clock_offset_ms: number | null;
            conflict: components["schemas"]["Conflict"] | null;
            /** @description When it was adopted; for a pending one, first heard. */
            first_seen: string;
            /** @description Id of its hardware, by the hash of its key: another than its own once it was replaced; null without a key. */
            hardware: string | null;
            /** @description Text of its id: the hash of its key, or of the name it is pushed by. */
            id: string;
            /**
             * Format: int32
             * @description Expected time between readings, in milliseconds.
             */
            interval_ms: number | null;
            /** @description Labels. */
            labels: {
                [key: string]: string;
            };
            /** @description When it was last heard. */
            last_seen: string | null;
            link: components["schemas"]["Link"] | null;
            /** @description Hardware or operating system. */
            model: string | null;
            /**
             * Format: int32
             * @description Failing sources besides those in `source_errors`, for which its message had no room.
             */
            more_source_errors: number;
            /** @description Name shown to people. */
            name: string;
            /** @description What its owner wrote about it; empty where that is nothing. */
            notes: string;
            /** @description A sample of what it measures, while it is pending. */
            preview: components["schemas"]["Preview"][];
            /** @description Number of its sensors. */
            sensors: number;
            /** @description Its sources that give no readings, as it reports them; the others work. */
            source_errors: components["schemas"]["SourceError"][];
            /** @description What it is to the hub. */
            status: components["schemas"]["Status"];
            /** @description Version of its agent. */
            version: string | null;
            /**
             * @description Six words to compare with the ones the device shows; none of a device without a key: its readings come by HTTP, or
             *     were imported.
             */
            words: string[];
        };
        /** @description A condition about several sensors of a device. */
        DeviceCondition: {
            /**
             * Format: double
             * @description The alert resolves only once the difference is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /** @description Name of the other sensor. */
            other: string;
            /** @enum {string} */
            type: "difference";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
            /** @description How old its last reading may be: with an older one nothing is decided. 5 min when left out. */
            within?: string;
        } | {
            /** @description The conditions; one of them at least is about the rule's sensor. */
            parts: components["schemas"]["Part"][];
            /** @enum {string} */
            type: "all";
            /**
             * @description How old the last reading of a part may be: one that is older is unknown, and neither fires nor resolves. 5 min when
             *     left out. A `for` is held as long as no more than this lies between two readings of any of them.
             */
            within?: string;
        } | {
            /** @description The conditions; one of them at least is about the rule's sensor. */
            parts: components["schemas"]["Part"][];
            /** @enum {string} */
            type: "any";
            /** @description As of `all`. */
            within?: string;
        };
        /** @description Devices by status. */
        DeviceCounts: {
            /** @description Refused. */
            blocked: number;
            /** @description Silent. */
            offline: number;
            /** @description Sending. */
            online: number;
            /** @description Asking to be adopted. */
            pending: number;
        };
        /** @description What to change about a device; what is left out stays. */
        DevicePatch: {
            /**
             * Format: int32
             * @description Expected time between readings in milliseconds; null goes back to what the sensors say.
             */
            interval_ms?: number | null;
            /** @description All labels; they replace the present ones. */
            labels?: {
                [key: string]: string;
            } | null;
            /** @description New name, unique among devices. */
            name?: string | null;
            /** @description Free text about it, of at most 2,000 characters; an empty one takes it away. */
            notes?: string | null;
        };
        /** @description How a device and its link were when an alert fired. */
        DeviceThen: {
            /** @description Version of its agent; empty where it did not say. */
            agent_version: string;
            /**
             * Format: int64
             * @description Its clock minus the hub's, in milliseconds.
             */
            clock_offset_ms: number | null;
            /** @description When it had been heard last. */
            last_heard_at: string | null;
            /**
             * Format: int64
             * @description Those of them that were lost.
             */
            lost: number | null;
            /** @description Whether it was online. */
            online: boolean;
            /**
             * Format: int64
             * @description Readings that it took in that hour and the one before; null where that is not known.
             */
            taken: number | null;
            /** @description What it had measured last of its battery and its radio. */
            vitals: components["schemas"]["Vital"][];
        };
        /** @description What the rule would have done that `against` would not, and the other way round. */
        Difference: {
            /**
             * Format: int64
             * @description Firings that only the rule has.
             */
            appear: number;
            /** @description The first 200 of them on all series together, series by series. */
            changes: components["schemas"]["ChangedFiring"][];
            /**
             * Format: int64
             * @description Firings of both that begin or end more than a minute earlier or later.
             */
            moved: number;
            /** @description Whether series or firings are missing here: too many, or not listed by one of the two. */
            truncated: boolean;
            /**
             * Format: int64
             * @description Firings that only `against` has.
             */
            vanish: number;
        };
        /** @description How devices find the hub. */
        Discovery: {
            /** @description Whether it answers. */
            enabled: boolean;
            /** @description Multicast group it listens on. */
            group: string;
            /**
             * Format: int64
             * @description Search requests answered since the start.
             */
            probes: number;
        };
        /** @description A way that readings come by. */
        Door: {
            /** @description Where it is open, or to whom it connects. */
            address: string | null;
            /**
             * Format: int64
             * @description What came since the start: requests, lines or messages.
             */
            came: number;
            /** @description Where it connects to somebody: whether it is connected. */
            connected: boolean | null;
            /** @description Since when. */
            connected_since: string | null;
            /** @description What went wrong last with the door as a whole. */
            last_error: string | null;
            /** @description When that was. */
            last_error_at: string | null;
            /** @description `http`, `line_udp`, `line_tcp`, `mqtt` or `scrape`. */
            name: string;
            /** @description Whether somebody turned it on; HTTP always is. */
            on: boolean;
            /**
             * Format: int64
             * @description Readings of those on disk.
             */
            readings: number;
            /** @description What was refused or dropped since the start, by reason. */
            refused: {
                [key: string]: number;
            };
            /** @description Whether it takes readings of whoever can reach it. */
            unauthenticated: boolean;
        };
        /** @description The doors of a hub. */
        DoorList: {
            items: components["schemas"]["Door"][];
            /** @description All of them are here: null. */
            next: string | null;
        };
        /** @description A request as the echo got it. */
        Echo: {
            /** @description When it came. */
            at: string;
            /** @description The bytes as text, with `(hidden)` for what lets in; at most 64 KiB. */
            body: string;
            /** @description What a receiver checks. */
            findings: components["schemas"]["EchoFinding"][];
            /** @description Headers in the order in which they came, with `(hidden)` for what lets in. */
            headers: components["schemas"]["EchoedHeader"][];
            /** @description Method, and where it would go, with `(hidden)` for what lets in. */
            request: string;
        };
        /** @description Something that a receiver checks. */
        EchoFinding: {
            /** @description Whether it is as it should be. */
            is_right: boolean;
            /** @description What was found. */
            text: string;
        };
        /** @description The newest echoes of a webhook. */
        EchoList: {
            /** @description Newest first. */
            items: components["schemas"]["Echo"][];
        };
        /** @description A header as it came. */
        EchoedHeader: {
            name: string;
            value: string;
        };
        /**
         * @description What becomes of buckets without readings.
         * @enum {string}
         */
        Empty: "keep" | "omit";
        /**
         * @description What happened.
         * @enum {string}
         */
        Event: "alert.firing" | "alert.resolved" | "alert.past" | "alert.flapping" | "alert.acknowledged" | "alert.repeated" | "alerts.summary" | "webhook.disabled" | "webhook.test";
        /** @description One reading, as NDJSON has it; CSV has the same columns. */
        ExportRow: {
            /** @description Device time. */
            at: string;
            /** @description Id of the device. */
            device: string;
            /** @description Name of the device when it was exported. */
            device_name: string;
            /** @description What its values are, also for an import of it. */
            kind: components["schemas"]["Kind"];
            /** @description Sensor. */
            sensor: string;
            /** @description Unit code; empty when dimensionless. */
            unit: string;
            /**
             * Format: double
             * @description Value.
             */
            value: number;
        };
        /** @description A field that is different. */
        FieldChange: {
            /** @description What it is, as JSON. */
            after: string;
            /** @description What it was, as JSON. */
            before: string;
            /** @description Its name. */
            field: string;
        };
        /** @description How often a rule fired in the days before an alert, that one included; counted in the alerts that are kept, to 1,000. */
        FiredBefore: {
            /**
             * Format: int32
             * @description About anything.
             */
            anywhere: number;
            /**
             * Format: int64
             * @description How many days.
             */
            days: number;
            /**
             * Format: int32
             * @description About the same thing.
             */
            here: number;
        };
        /** @description One firing. */
        Firing: {
            /** @description When it would have fired; before the start of the range if it would have been firing there already. */
            from: string;
            /** @description When it would have resolved; null if it still fired at the end of the range. */
            to: string | null;
            /**
             * Format: double
             * @description What was measured when it fired; null for silence.
             */
            value: number | null;
        };
        /**
         * @description Whether every series stands alone.
         * @enum {string}
         */
        Group: "none" | "all";
        /** @description What happened to an alert. */
        Happened: {
            /** @enum {string} */
            what: "began";
        } | {
            /** @enum {string} */
            what: "fired";
        } | {
            /** @enum {string} */
            what: "learned";
        } | {
            /** @description When the receiver took it. */
            arrived_at?: string | null;
            /** @description How many attempts there were. */
            attempts: number;
            /** @description Id of the delivery. */
            delivery: string;
            /** @description Why the last attempt failed, where it did. */
            error?: string | null;
            /** @description Of what it was told. */
            event: components["schemas"]["Event"];
            /** @description Whether a summary told of it, with others. */
            in_summary: boolean;
            /** @description How that went. */
            state: components["schemas"]["DeliveryState"];
            /** @description Id of the webhook. */
            webhook: string;
            /** @description Its name. */
            webhook_name: string;
            /** @enum {string} */
            what: "told";
        } | {
            /** @description Why there is one. */
            comment: string;
            /** @description Id of the silence. */
            silence: string;
            /** @description When it ends. */
            until: string;
            /** @enum {string} */
            what: "silenced";
        } | {
            /** @enum {string} */
            what: "flapped";
        } | {
            /** @description Who; null where that is not known. */
            by?: string | null;
            /** @description What they said. */
            comment?: string | null;
            /** @enum {string} */
            what: "acknowledged";
        } | {
            /** @enum {string} */
            what: "rule_changed";
        } | {
            /** @enum {string} */
            what: "resolved";
        };
        /** @description The URL that the hub calls each minute, and what came of it since the start. */
        Heartbeat: {
            /** @description Why, and what would be right. */
            last_error: string | null;
            /** @description When a call last failed, or was not made. */
            last_error_at: string | null;
            /** @description When the receiver last answered 2xx. */
            last_success_at: string | null;
            /** @description With `(hidden)` for what lets in; null when none is called. */
            url: string | null;
        };
        /** @description The URL to call. */
        HeartbeatRequest: {
            /** @description http or https URL, without user name and password; null for none. As it is shown, with `(hidden)`, it stays as it is. */
            url: string | null;
        };
        /** @description The hub: who it is and how it is doing. */
        Hub: {
            /**
             * Format: double
             * @description 99 % of batches are acknowledged within this many milliseconds.
             */
            ack_p99_ms: number | null;
            /** @description By which addresses others reach it. */
            addresses: components["schemas"]["Addresses"];
            /** @description Machines that devices can get an agent for from here: `x86_64`, `aarch64`, `armhf`. */
            agents: string[];
            /** @description Alerts firing. */
            alerts_firing: number;
            /** @description What does not work at the moment; null when everything does. */
            degraded: string | null;
            /** @description Devices by status. */
            devices: components["schemas"]["DeviceCounts"];
            /** @description Maximum number of devices (`--max-devices`), including blocked ones. */
            devices_max: number;
            /** @description How devices find the hub. */
            discovery: components["schemas"]["Discovery"];
            /**
             * @description Which services are reduced at the moment, in the order in which that happens: `previews`, `live_rate`,
             *     `history`, `joins`, `backfill`, `live`.
             */
            given_up: string[];
            /** @description Text of its id. */
            id: string;
            /** @description Who may join. */
            join: components["schemas"]["Join"];
            /** @description Whether it is served without TLS. */
            plain_http: boolean;
            /**
             * Format: int32
             * @description Load of the hub, from 0 to 6: how many of the services named by `given_up` are reduced.
             */
            pressure: number;
            /**
             * Format: double
             * @description Readings stored a second, over the last few seconds.
             */
            readings_per_s: number;
            /**
             * Format: int64
             * @description Readings stored since the start.
             */
            readings_total: number;
            /** @description Number of series. */
            series: number;
            /** @description Maximum number of series (`--max-series`). */
            series_max: number;
            /** @description When it started. */
            started_at: string;
            /** @description Space that the readings use, and how long it will last. */
            storage: components["schemas"]["Storage"];
            /** @description Name of the time zone of its computer (`Europe/Berlin`), as `tz` of a query takes it; null where none is set. */
            time_zone: string | null;
            /** @description Whose rules of time zones count, in `tz` of a query. */
            time_zone_rules: components["schemas"]["TimeZoneRules"];
            tls: components["schemas"]["Tls"] | null;
            /**
             * Format: int32
             * @description UDP port for devices.
             */
            udp_port: number;
            /**
             * Format: int64
             * @description Seconds since.
             */
            uptime_s: number;
            /** @description Version of the program. */
            version: string;
            /** @description Six words of its key, to compare with the ones an agent shows. */
            words: string[];
            /** @description Open live connections. */
            ws_clients: number;
        };
        /** @description What to change about the hub. */
        HubPatch: {
            join?: components["schemas"]["JoinPatch"] | null;
        };
        /** @description What was imported, or would be. */
        Imported: {
            /** @description Names of their devices, at most 1,000. */
            devices: string[];
            /** @description Whether it was a dry run: nothing was stored. */
            dry_run: boolean;
            /** @description The first wrong lines of a dry run; otherwise the first one ends the import. */
            errors: components["schemas"]["WrongLine"][];
            /** @description Time of the earliest reading; null when there is none. */
            from: string | null;
            /**
             * Format: int64
             * @description Lines read.
             */
            lines: number;
            /**
             * Format: int64
             * @description Wrong lines besides.
             */
            more_errors: number;
            /** @description Those that were not known before. */
            new_devices: string[];
            /**
             * Format: int64
             * @description Readings in them; they are on disk, unless it was a dry run.
             */
            readings: number;
            /** @description Time of the latest. */
            to: string | null;
        };
        /** @description Whom a link is for. */
        Invitation: {
            /** @description What they sign in by. */
            name: string;
            /** @description Whether a code is asked for, too. */
            second_factor: boolean;
        };
        /** @description The code of a link; with a password, to set it. */
        InvitationRequest: {
            /** @description A code of the authenticator app or a recovery code, if the second factor is on. */
            code?: string | null;
            /** @description What the link has behind `#invite=`. */
            invitation: string;
            /** @description The password to set: at least 8 characters. */
            password?: string | null;
        };
        /** @description A link by which somebody chooses a password, once. */
        InviteLink: {
            /** @description When it stops working. */
            expires_at: string;
            /** @description What the link has behind the address of the page: `/#invite=...`. */
            path: string;
        };
        /** @description Who may join. */
        Join: {
            /** @description Outside an open window. */
            policy: components["schemas"]["Policy"];
            /** @description End of the open window. */
            window_until: string | null;
        };
        /** @description A policy, or a window during which anybody may join; one of the two. */
        JoinPatch: {
            /** @description Lets anybody in for this long, 1m to 15m; `0s` closes the window. */
            open_for?: string | null;
            policy?: components["schemas"]["Policy"] | null;
        };
        /** @description A join token. */
        JoinToken: {
            /** @description When it was made. */
            created_at: string;
            /** @description When it stops working. */
            expires_at: string;
            /** @description Text of its id. */
            id: string;
            /** @description Labels given to devices that join with it. */
            labels: {
                [key: string]: string;
            };
            /** @description Name. */
            name: string;
            /**
             * Format: int32
             * @description Devices it still admits.
             */
            uses_left: number;
        };
        /** @description A join token, with its text, which is shown only once. */
        JoinTokenWithText: components["schemas"]["JoinToken"] & {
            /** @description What to give to `device-agent run --join-token`. */
            token: string;
        };
        /**
         * @description What values mean over time.
         * @enum {string}
         */
        Kind: "gauge" | "counter" | "state";
        /** @description Ages for devices with labels. */
        LabelRetention: {
            /** @description Hourly summaries. */
            hours: string;
            /** @description Labels that a device carries, all of them. */
            labels: {
                [key: string]: string;
            };
            /** @description One-minute summaries. */
            minutes: string;
            /** @description Every reading. */
            raw: string;
        };
        /** @description Ages for devices with labels. */
        LabelRetentionRequest: {
            /** @description Hourly summaries. */
            hours?: string | null;
            /** @description Labels that a device carries, all of them; at least one. */
            labels: {
                [key: string]: string;
            };
            /** @description One-minute summaries. */
            minutes?: string | null;
            /** @description Every reading. */
            raw?: string | null;
        };
        /**
         * @description Measured just now, or kept while the hub was away.
         * @enum {string}
         */
        Lane: "live" | "recovered";
        /** @description A reading. */
        Last: {
            /** @description Device time. */
            at: string;
            /**
             * Format: double
             * @description Value.
             */
            value: number;
        };
        /** @description How the newest delivery of a webhook went. */
        LastDelivery: {
            /** @description When it last changed. */
            at: string;
            /** @description Where it stands. */
            state: components["schemas"]["DeliveryState"];
            /**
             * Format: int32
             * @description HTTP status of its last attempt.
             */
            status: number | null;
        };
        /** @description The newest reading of a series. */
        Latest: {
            /** @description Device time. */
            at: string;
            /** @description Id of the device. */
            device: string;
            /** @description How far to trust it. */
            quality: components["schemas"]["Quality"];
            /** @description Sensor. */
            sensor: string;
            /** @description Unit code. */
            unit: string;
            /**
             * Format: double
             * @description Value.
             */
            value: number;
        };
        /**
         * @description What became of the readings a device measured, by the hour of the readings' time. Every line balances: `taken =
         *     received + recovered + thinned + dropped + waiting + missing`.
         */
        Ledger: {
            /** @description Hour of the oldest reading the device held when it last reported; null when it held none, or never reported. */
            holds_from: string | null;
            /** @description By hour, oldest first; hours without a reading are left out. */
            items: components["schemas"]["LedgerHour"][];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
            /** @description When the device last reported what it took and dropped; null if it never did: `taken` is then what is accounted for. */
            reported_at: string | null;
            /** @description The sum over all that was asked for, also when `items` is only a part of it. */
            total: components["schemas"]["LedgerCounts"];
        };
        /** @description What became of readings. */
        LedgerCounts: {
            /** @description Given up by the device. */
            dropped: components["schemas"]["LedgerDrops"];
            /**
             * Format: int64
             * @description Not here, and the device does not hold them any more.
             */
            missing: number;
            /**
             * Format: int64
             * @description On the hub's disk, sent as they were measured.
             */
            received: number;
            /**
             * Format: int64
             * @description On the hub's disk, sent after a lost connection or from a recording.
             */
            recovered: number;
            /**
             * Format: int64
             * @description Measured and put into the device's buffer.
             */
            taken: number;
            /**
             * Format: int64
             * @description Left out by the device between others that stayed, because its buffer was full.
             */
            thinned: number;
            /**
             * Format: int64
             * @description Not here, and the device may still hold them.
             */
            waiting: number;
        };
        /** @description Readings a device gave up, by reason. */
        LedgerDrops: {
            /**
             * Format: int64
             * @description Held longer than the device keeps readings.
             */
            expired: number;
            /**
             * Format: int64
             * @description The newest ones, because the buffer was full.
             */
            newest: number;
            /**
             * Format: int64
             * @description The oldest ones, because the buffer was full.
             */
            oldest: number;
            /**
             * Format: int64
             * @description For a reason this hub does not know.
             */
            other: number;
            /**
             * Format: int64
             * @description The device's disk did not give them back.
             */
            unreadable: number;
        };
        /** @description One hour of the ledger. */
        LedgerHour: components["schemas"]["LedgerCounts"] & {
            /** @description Its start. */
            hour: string;
        };
        /** @description A line that is not stored. */
        LineNotWritten: {
            /** @description What is wrong with it. */
            error_message: string;
            /** @description Its number, from 1; `null` where readings of several lines are not taken. */
            line_number: number | null;
            /** @description How it begins. */
            original_line: string;
        };
        /** @description Which lines are not stored, as version 3 of InfluxDB tells it. */
        LinesNotWritten: {
            /** @description The first hundred of those, in order. */
            data: components["schemas"]["LineNotWritten"][];
            /** @description Whether the others are stored, and how many are not. */
            error: string;
        };
        /** @description How a device's link is doing. */
        Link: {
            /**
             * Format: double
             * @description How fast the device clock runs away from the hub's, in parts per million; positive: it runs fast.
             */
            clock_drift_ppm: number | null;
            /**
             * Format: double
             * @description Device clock minus hub clock, in milliseconds.
             */
            clock_offset_ms: number | null;
            /**
             * Format: int64
             * @description Readings the device had to drop since its first start.
             */
            dropped_readings: number;
            /**
             * Format: double
             * @description Packets lost on the way in the last five minutes, in percent.
             */
            loss_pct: number;
            /**
             * Format: double
             * @description Round trip in milliseconds.
             */
            rtt_ms: number | null;
            /**
             * Format: int64
             * @description Age of the session in seconds.
             */
            session_age_s: number;
            /**
             * Format: int64
             * @description Batches waiting on the device.
             */
            spool_batches: number;
        };
        /** @description A list. */
        Listed: {
            columns: string[];
            name: string;
            values: string[][];
        };
        /** @description An alert of the list. */
        ListedAlert: components["schemas"]["Alert"] & {
            fired_by: components["schemas"]["Condition"] | null;
            /**
             * @description The alert that says that its device is offline, where nobody is told of this one because of that: it began while the device
             *     was. Null without one, and where the alert is over.
             */
            inhibited_by: string | null;
            /**
             * @description Until when nobody is told of it: the last end of the silences over it that are in force. Null without one, and where
             *     the alert is over.
             */
            silenced_until: string | null;
        };
        /** @description Who is signed in, as they see themselves. */
        Me: {
            /** @description Text of its id. */
            id: string;
            /** @description What they sign in by. */
            name: string;
            /**
             * Format: int32
             * @description Recovery codes that are left.
             */
            recovery_codes: number;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
            /** @description Whether a code is asked for beside the password. */
            second_factor: boolean;
        };
        /**
         * @description What `value` and `threshold` say.
         * @enum {string}
         */
        Measure: "value" | "rate" | "sigmas" | "stuck" | "parts" | "devices" | "forecast" | "sources" | "clock" | "silence";
        /**
         * @description Templates of what people are told of a rule's alerts, in the language of Jinja; the hub's own words where one is left out. A name
         *     that no message has is refused, and so is a tag that the rule has not. Where one fails because of what a message is about, the hub's own words are said.
         */
        MessageTemplates: {
            /** @description The text. Unless it asks for `event`, the hub's own is said when the alert is over, flaps or is acknowledged. */
            text: string | null;
            /** @description The title: `{{ device }} is too warm: {{ value_text }}`. Unless it asks for `event`, `Resolved: ` stands before it when it is over. */
            title: string | null;
        };
        /** @description What is known of a metric. */
        Metadata: {
            /** @description Always empty. */
            help: string;
            /** @description `counter` or `gauge`. */
            type: string;
            /** @description Unit code, as `/api/v1/devices/{id}/sensors` has it. */
            unit: string;
        };
        /** @description Data points that are not stored. */
        MetricsLeftOut: {
            /** @description Why the first of them is not. */
            errorMessage: string;
            /** @description How many, in digits: whole numbers of 64 bits are texts in the JSON of protobuf. */
            rejectedDataPoints: string;
        };
        /** @description What became of metrics: `ExportMetricsServiceResponse`. */
        MetricsTaken: {
            partialSuccess: components["schemas"]["MetricsLeftOut"] | null;
        };
        /** @description What a series must have reported before a rule can evaluate it, and how many have not yet. */
        Needs: {
            /**
             * Format: int32
             * @description Readings at least.
             */
            readings: number;
            /** @description Series that the rule watches, as far as they were heard. */
            series: number;
            /** @description From the first to the last of them at least. */
            span: string;
            /**
             * @description Where readings come too seldom for the length of the window, so that no waiting helps: how often they come, and what would be long
             *     enough. Null where they come often enough, or nothing says how often.
             */
            too_short: string | null;
            /** @description Those of them that have not enough readings yet, or too few for the length of the window. */
            waiting: number;
        };
        /** @description A join token to create. */
        NewJoinToken: {
            /** @description How long it works, at most 90 days; 24 hours when left out. */
            expires?: string | null;
            /** @description Labels to give to devices that join with it. */
            labels?: {
                [key: string]: string;
            };
            /** @description Name. */
            name?: string | null;
            /**
             * Format: int32
             * @description Devices it admits; one when left out.
             */
            uses?: number | null;
        };
        /** @description One query of several in a request; the fields are those of `GET /query`. */
        NewQuery: {
            /**
             * @description Values of each bucket: `count`, `min`, `max`, `avg`, `first`, `last`, `increase`, `rate`, or percentiles such as
             *     `p95`; the first six when left out.
             */
            agg?: string[];
            /** @description `next` of the previous answer. */
            cursor?: string | null;
            /** @description Globs over device id and name; all when left out. */
            device?: string[];
            empty?: components["schemas"]["Empty"] | null;
            /**
             * @description Length of a bucket: `10s`, `5m`, `1h`, `6h`, `1d`, `1w`, `1mo`. Buckets are whole and begin at round times on the wall
             *     clock of `tz`, weeks on Mondays.
             */
            every?: string | null;
            from?: components["schemas"]["Time"] | null;
            group?: components["schemas"]["Group"] | null;
            kind?: components["schemas"]["Kind"] | null;
            /** @description Labels a device must have, each `key=value`. */
            label?: string[];
            /** @description Maximum number of series; required when more than 1,000 match. */
            limit?: number | null;
            /** @description Number of buckets of equal length. */
            points?: number | null;
            /** @description Globs over sensor names; all when left out. */
            sensor?: string[];
            to?: components["schemas"]["Time"] | null;
            /** @description Time zone of `every`: a name such as `Europe/Berlin`, or `+05:30`; UTC when left out. */
            tz?: string | null;
        };
        /** @description One reading. */
        NewReading: {
            /** @description When it was taken: RFC 3339, epoch milliseconds or `now-5s`; the time of its arrival when left out. */
            at?: string | null;
            kind?: components["schemas"]["Kind"] | null;
            /** @description Sensor. */
            sensor: string;
            /**
             * @description Unit code, such as `Cel` or `%`, of at most 32 bytes; common spellings of it, such as `°C`, are understood. What is known
             *     of the sensor stays when left out.
             */
            unit?: string | null;
            /**
             * Format: double
             * @description A number; true and false are 1 and 0.
             */
            value: number;
        };
        /** @description Readings of one device. */
        NewReadings: {
            /** @description Name of the device; it appears with its first reading. An id or name of one that is there means that one. */
            device: string;
            /** @description Its readings, in any order. */
            readings: components["schemas"]["NewReading"][];
        };
        /** @description A rule to create, or the new version of one. */
        NewRule: {
            /** @description Whether all webhooks are notified, also those that are made later: then `webhooks` is left out, or empty. */
            all_webhooks?: boolean;
            /** @description How long it must be good again before an alert resolves, for conditions about values; at once when left out. */
            clear_for?: string | null;
            /** @description When it is true. */
            condition: components["schemas"]["Condition"];
            /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. All when left out. */
            device?: string | null;
            /** @description Whether it is evaluated; true when left out. */
            enabled?: boolean;
            /** @description How long it must stay true before it fires; at once when left out. */
            for?: string | null;
            /** @description Labels the device must have. */
            labels?: {
                [key: string]: string;
            };
            message?: components["schemas"]["MessageTemplates"] | null;
            /** @description Name. */
            name: string | null;
            /** @description Glob over sensor names; all when left out. */
            sensor?: string | null;
            /** @description How bad it is; `warning` when left out. */
            severity?: components["schemas"]["Severity"];
            /**
             * @description What its alerts are tagged with, for filters and for receivers: at most 16, such as `{"team": "x"}`. An alert keeps those
             *     that its rule had when it began.
             */
            tags?: {
                [key: string]: string;
            };
            /** @description Which webhooks are notified. When left out of a new rule: those with `for_new_rules`. */
            webhooks?: string[] | null;
        };
        /** @description A silence to create. */
        NewSilence: {
            /** @description Why. */
            comment?: string;
            /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. All when left out. */
            device?: string | null;
            /** @description For how long: `1h`, `2d`; or say `until`. */
            for?: string | null;
            from?: components["schemas"]["Time"] | null;
            /** @description Labels the device must have. */
            labels?: {
                [key: string]: string;
            };
            /** @description Only alerts of this rule; every rule when left out. */
            rule?: string | null;
            /** @description Glob over sensor names; all when left out. */
            sensor?: string | null;
            until?: components["schemas"]["Time"] | null;
            weekly?: components["schemas"]["Weekly"] | null;
        };
        /** @description An API token to create. */
        NewToken: {
            /** @description How long it works, such as `30d`; for ever when left out. */
            expires?: string | null;
            /**
             * @description Makes it only for devices that have all of these labels, with the scopes `ingest`, `read` and `write`: others are for
             *     it as if they were not there. For everything when left out.
             */
            labels?: {
                [key: string]: string;
            };
            /** @description Name. */
            name: string;
            /** @description What it may do. */
            scope: components["schemas"]["Scope"];
        };
        /** @description A rule for topics of MQTT to make. */
        NewTopicRule: {
            /** @description Name of the device; `{2}` in it is the second level of the topic, `{/id}` what stands there in the JSON. */
            device?: string | null;
            /** @description Whether they are no readings; then nothing else is said. */
            ignore?: boolean;
            kind?: components["schemas"]["Kind"] | null;
            /** @description The text that is 0. */
            off?: string | null;
            /** @description The text that is 1. */
            on?: string | null;
            /** @description Name of the sensor, likewise. */
            sensor?: string | null;
            /** @description Topics that it is about; `+` is any level, `#` all that follow. */
            topic: string;
            /** @description Unit code, such as `Cel`. */
            unit?: string | null;
            /** @description Where in the JSON the value stands, as a JSON pointer (RFC 6901) such as `/data/0/temperature`; the whole message when left out. */
            value?: string | null;
        };
        /** @description A user to add. */
        NewUser: {
            /** @description What they will sign in by: 1 to 64 characters. */
            name: string;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
        };
        /** @description A webhook to create, or the new settings of one. */
        NewWebhook: {
            /** @description Whether deliveries are attempted; true when left out. Setting it also clears `disabled_reason`. */
            enabled?: boolean;
            /** @description What the kind asks for beside the URL, such as `chat_id`. `(hidden)` keeps the value there is, while kind, scheme, host and port are the same. */
            fields?: {
                [key: string]: string;
            };
            /** @description Whether rules that are created without `webhooks` notify it; false when left out. */
            for_new_rules?: boolean;
            /** @description Extra request headers, such as `Authorization`: at most 16. `(hidden)` keeps the value there is, while kind, scheme, host and port are the same. */
            headers?: {
                [key: string]: string;
            };
            /** @description What reads its messages; `generic` when left out. */
            kind?: components["schemas"]["WebhookKind"];
            /** @description Labels the device must have; none when left out. */
            labels?: {
                [key: string]: string;
            };
            /** @description It is told of alerts that are at least so bad; `info`, which is all, when left out. */
            least_severity?: components["schemas"]["Severity"];
            /** @description Name. */
            name: string;
            /** @description Whether it is notified of alerts that were over when the hub learned of them (`alert.past`); true when left out. */
            past?: boolean;
            quiet_hours?: components["schemas"]["QuietHours"] | null;
            /**
             * @description How often it is told again that an alert still fires, until somebody acknowledges it: 5 min at least, such as `4h`; never when
             *     left out.
             */
            repeat_every?: string | null;
            /** @description Tags the rule must have; none when left out. */
            tags?: {
                [key: string]: string;
            };
            template?: components["schemas"]["RequestTemplate"] | null;
            /**
             * @description http or https URL, without user name and password: those go into a header. Of `email` the server, `smtps://host` (TLS, port 465)
             *     or `smtp://host` (STARTTLS, port 587). As it is shown, with `(hidden)`, it stays as it is, while the kind is the same.
             */
            url: string;
        };
        /** @description How often somebody would have been told of a device. */
        Noise: {
            /** @description Id of the device. */
            device: string;
            /** @description Its name. */
            device_name: string;
            /**
             * Format: int64
             * @description Firings of all its sensors.
             */
            fires: number;
            /**
             * Format: double
             * @description The same a week, as if the range went on.
             */
            per_week: number;
        };
        /** @description Why a question is not answered. */
        NotAnswered: {
            /** @description What is wrong and what to do, for people. */
            error: string;
            /** @description What is wrong, for programs: `bad_data`, `execution`, `unavailable` and others. */
            errorType: string;
            /** @description Always `error`. */
            status: string;
        };
        /** @description Why a request was refused, or not all of it stored. */
        NotWritten: {
            /** @description What is wrong, for programs; `partial` when the rest is stored. */
            code: string;
            /** @description The same, where version 1 has it. */
            error: string;
            /** @description The line, field or parameter to correct. */
            field: string | null;
            /** @description What is wrong and what to do, for people: where version 2 of InfluxDB has it. */
            message: string;
        };
        /**
         * @description How a value is held against a limit.
         * @enum {string}
         */
        Op: ">" | ">=" | "<" | "<=";
        /** @description Part of a list. */
        Page_AuditEntry: {
            /** @description The items, in the list's order. */
            items: {
                /** @description What was done, such as `rule.changed` or `sign_in.refused`. */
                action: string;
                /** @description When. */
                at: string;
                /** @description By whom. */
                by: components["schemas"]["AuditActor"];
                /** @description What changed. */
                changes: components["schemas"]["AuditChange"][];
                /**
                 * Format: int64
                 * @description Number, growing with time.
                 */
                id: number;
                /** @description Its name then, or more about it; may be empty. */
                name: string;
                /** @description Id of what it was done to, or the key of a setting; may be empty. */
                subject: string;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Delivery: {
            /** @description The items, in the list's order. */
            items: {
                /** @description Id of the alert. */
                alert?: string | null;
                /** @description How many. */
                attempt_count: number;
                /** @description Every attempt, oldest first. */
                attempts: components["schemas"]["Attempt"][];
                /** @description When it was created. */
                created_at: string;
                /**
                 * Format: int64
                 * @description How many seconds after it was caused, or had waited for others of its rule, the receiver took it, where that is more than 60.
                 */
                delayed_by?: number | null;
                /** @description Of how many devices it tells, where it is more than one; `alert` is that of the first then. */
                devices?: number | null;
                /** @description What happened. */
                event: components["schemas"]["Event"];
                /** @description Until when it waits, or waited, to be told with others of its rule. */
                held_until?: string | null;
                /** @description Text of its id; the `webhook-id` header of every attempt. */
                id: string;
                /** @description When it is tried next. */
                next_attempt_at?: string | null;
                /** @description Until when it waits at least for the end of the quiet hours of its webhook, while they last. */
                quiet_until?: string | null;
                /** @description Where it stands. */
                state: components["schemas"]["DeliveryState"];
                /** @description Id of the delivery (`alerts.summary`) that tells of this one in its place, and has the same end. */
                summary?: string | null;
                /** @description Id of the webhook. */
                webhook: string;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Device: {
            /** @description The items, in the list's order. */
            items: {
                /** @description Where it was last heard. */
                address?: string | null;
                /**
                 * Format: double
                 * @description Its clock minus the hub's, in milliseconds: as it measured it itself, or of a device without a link by how its newest
                 *     readings lie to the moment they come; null while unknown.
                 */
                clock_offset_ms?: number | null;
                conflict?: components["schemas"]["Conflict"] | null;
                /** @description When it was adopted; for a pending one, first heard. */
                first_seen: string;
                /** @description Id of its hardware, by the hash of its key: another than its own once it was replaced; null without a key. */
                hardware?: string | null;
                /** @description Text of its id: the hash of its key, or of the name it is pushed by. */
                id: string;
                /**
                 * Format: int32
                 * @description Expected time between readings, in milliseconds.
                 */
                interval_ms?: number | null;
                /** @description Labels. */
                labels: {
                    [key: string]: string;
                };
                /** @description When it was last heard. */
                last_seen?: string | null;
                link?: components["schemas"]["Link"] | null;
                /** @description Hardware or operating system. */
                model?: string | null;
                /**
                 * Format: int32
                 * @description Failing sources besides those in `source_errors`, for which its message had no room.
                 */
                more_source_errors: number;
                /** @description Name shown to people. */
                name: string;
                /** @description What its owner wrote about it; empty where that is nothing. */
                notes: string;
                /** @description A sample of what it measures, while it is pending. */
                preview: components["schemas"]["Preview"][];
                /** @description Number of its sensors. */
                sensors: number;
                /** @description Its sources that give no readings, as it reports them; the others work. */
                source_errors: components["schemas"]["SourceError"][];
                /** @description What it is to the hub. */
                status: components["schemas"]["Status"];
                /** @description Version of its agent. */
                version?: string | null;
                /**
                 * @description Six words to compare with the ones the device shows; none of a device without a key: its readings come by HTTP, or
                 *     were imported.
                 */
                words: string[];
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_JoinToken: {
            /** @description The items, in the list's order. */
            items: {
                /** @description When it was made. */
                created_at: string;
                /** @description When it stops working. */
                expires_at: string;
                /** @description Text of its id. */
                id: string;
                /** @description Labels given to devices that join with it. */
                labels: {
                    [key: string]: string;
                };
                /** @description Name. */
                name: string;
                /**
                 * Format: int32
                 * @description Devices it still admits.
                 */
                uses_left: number;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Latest: {
            /** @description The items, in the list's order. */
            items: {
                /** @description Device time. */
                at: string;
                /** @description Id of the device. */
                device: string;
                /** @description How far to trust it. */
                quality: components["schemas"]["Quality"];
                /** @description Sensor. */
                sensor: string;
                /** @description Unit code. */
                unit: string;
                /**
                 * Format: double
                 * @description Value.
                 */
                value: number;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_ListedAlert: {
            /** @description The items, in the list's order. */
            items: (components["schemas"]["Alert"] & {
                fired_by?: components["schemas"]["Condition"] | null;
                /**
                 * @description The alert that says that its device is offline, where nobody is told of this one because of that: it began while the device
                 *     was. Null without one, and where the alert is over.
                 */
                inhibited_by?: string | null;
                /**
                 * @description Until when nobody is told of it: the last end of the silences over it that are in force. Null without one, and where
                 *     the alert is over.
                 */
                silenced_until?: string | null;
            })[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Point: {
            /** @description The items, in the list's order. */
            items: number[][];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Rule: {
            /** @description The items, in the list's order. */
            items: {
                /** @description Whether all webhooks are told, also those that are made later; then `webhooks` is empty. */
                all_webhooks: boolean;
                /** @description How long it must be good again before it resolves. */
                clear_for: string;
                /** @description When it is true. */
                condition: components["schemas"]["Condition"];
                /** @description When it was made. */
                created_at: string;
                /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. */
                device: string;
                /** @description Whether it is evaluated. */
                enabled: boolean;
                /** @description How long it must stay true before it fires. */
                for: string;
                /** @description Text of its id. */
                id: string;
                /** @description Labels the device must have. */
                labels: {
                    [key: string]: string;
                };
                /** @description `hub` where the hub made the rule by itself, once; null of all others. */
                made_by?: string | null;
                message?: components["schemas"]["MessageTemplates"] | null;
                /** @description Why those words fail of its newest alert, which the hub told in its own; null where they do not, and of a rule that was just changed. */
                message_problem?: string | null;
                /**
                 * @description Other sensors that its condition names and none of the devices has that it watches: `all` and `difference` never fire
                 *     without them, and `any` by its other parts only.
                 */
                missing: string[];
                /** @description Name. */
                name: string;
                needs?: components["schemas"]["Needs"] | null;
                /** @description Glob over sensor names. */
                sensor: string;
                /** @description How bad it is. */
                severity: components["schemas"]["Severity"];
                source?: components["schemas"]["RuleSource"] | null;
                /** @description What its alerts are tagged with: `{"team": "x"}`. */
                tags: {
                    [key: string]: string;
                };
                /** @description When it was last changed. */
                updated_at: string;
                /**
                 * Format: int32
                 * @description Counts its changes, from 1.
                 */
                version: number;
                /** @description How many sensors it watches now; devices, where it is about devices as a whole. At 0 nothing is there that it is about. */
                watches: number;
                /** @description Who is told. */
                webhooks: string[];
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Sensor: {
            /** @description The items, in the list's order. */
            items: {
                /**
                 * Format: int32
                 * @description Expected time between readings, in milliseconds.
                 */
                interval_ms?: number | null;
                /** @description How its values relate over time. */
                kind: components["schemas"]["Kind"];
                /** @description Whether the owner set `kind`: then it stays, whatever is sent. */
                kind_by_owner: boolean;
                last?: components["schemas"]["Last"] | null;
                /** @description Its name on the device. */
                sensor: string;
                /** @description Unit code; empty when dimensionless. */
                unit: string;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_SensorSet: {
            /** @description The items, in the list's order. */
            items: {
                /** @description How many devices have these and no others. */
                devices: number;
                /** @description How many of them are online. */
                online: number;
                /** @description Sensors by name, without those that fewer than one in twenty devices have. */
                sensors: string[];
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Session: {
            /** @description The items, in the list's order. */
            items: {
                /** @description Address it was last used from, to the minute; null where an older hub did not note it. */
                address?: string | null;
                /** @description What the browser calls itself, shortened; null where it did not say. */
                browser?: string | null;
                /** @description When it signed in. */
                created_at: string;
                /** @description Whether it is the session that asks. */
                current: boolean;
                /** @description When it ends if it is not used again: 7 days after its last use, 30 days after it signed in at the latest. */
                ends_at: string;
                /** @description Text of its id; it opens nothing. */
                id: string;
                /** @description When it was last used, to the minute. */
                last_used_at: string;
                /** @description Text of the id of whose it is. */
                user: string;
                /** @description What they are called. */
                user_name: string;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Silence: {
            /** @description The items, in the list's order. */
            items: {
                /** @description Why. */
                comment: string;
                /** @description When it was made. */
                created_at: string;
                /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. */
                device: string;
                /** @description From when. */
                from: string;
                /** @description Text of its id. */
                id: string;
                /** @description Labels the device must have. */
                labels: {
                    [key: string]: string;
                };
                /** @description Only alerts of this rule; null for every rule. */
                rule?: string | null;
                /** @description Glob over sensor names. */
                sensor: string;
                /** @description Whether it is in force. */
                state: components["schemas"]["SilenceState"];
                /** @description Until when. */
                until: string;
                weekly?: components["schemas"]["Weekly"] | null;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Swap: {
            /** @description The items, in the list's order. */
            items: {
                /** @description When. */
                at: string;
                /** @description When that was heard last. */
                last_seen?: string | null;
                /** @description Id of the hardware that went; it is put back by replacing with it. */
                was: string;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Token: {
            /** @description The items, in the list's order. */
            items: {
                /** @description When it was made. */
                created_at: string;
                /** @description When it stops working. */
                expires_at?: string | null;
                /** @description Text of its id. */
                id: string;
                /** @description It is only for devices that have all of these labels; for everything where there are none. */
                labels: {
                    [key: string]: string;
                };
                /** @description When it was last used. */
                last_used_at?: string | null;
                /** @description Name. */
                name: string;
                /** @description What it may do. */
                scope: components["schemas"]["Scope"];
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_User: {
            /** @description The items, in the list's order. */
            items: {
                /** @description When they were added. */
                created_at: string;
                /** @description Whether they may sign in. */
                enabled: boolean;
                /** @description Whether they have chosen a password. */
                has_password: boolean;
                /** @description Text of its id. */
                id: string;
                /** @description Until when their link works; null where there is none, or it has expired. */
                invited_until?: string | null;
                /** @description When they were last seen, to the minute; null if never. */
                last_seen_at?: string | null;
                /** @description What they sign in by; capitals do not matter. */
                name: string;
                /** @description What they may do. */
                role: components["schemas"]["Role"];
                /** @description Whether a code is asked for beside the password. */
                second_factor: boolean;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description Part of a list. */
        Page_Webhook: {
            /** @description The items, in the list's order. */
            items: {
                /** @description When it was made. */
                created_at: string;
                /** @description Why the hub disabled it. */
                disabled_reason?: string | null;
                /** @description Whether deliveries are attempted. */
                enabled: boolean;
                /** @description How many of its messages were given up, tests aside: `POST /deliveries/replay` sends them again. 1000 stands for more. */
                failed: number;
                /** @description Since when every attempt failed, whatever for; after five days the webhook is disabled. Null after one that did not. */
                failing_since?: string | null;
                /**
                 * @description What the kind asks for beside the URL: `chat_id` (telegram), `routing_key` (pagerduty), `room_id` and `token` (matrix), `token`
                 *     (ntfy, gotify), `to`, `from`, `username`, `password` and `plain_text` (email). Secrets are `(hidden)`, and all of them for who is no admin.
                 */
                fields: {
                    [key: string]: string;
                };
                /** @description Whether rules that are created without `webhooks` notify it. */
                for_new_rules: boolean;
                /** @description Names of the extra request headers. Their values are `(hidden)`: they are credentials, and given back to nobody. */
                headers: {
                    [key: string]: string;
                };
                /** @description Text of its id. */
                id: string;
                /** @description What reads its messages. */
                kind: components["schemas"]["WebhookKind"];
                /** @description Labels the device must have; alerts of the hub itself have no device, and pass. */
                labels: {
                    [key: string]: string;
                };
                last_delivery?: components["schemas"]["LastDelivery"] | null;
                /** @description It is told of alerts that are at least so bad. */
                least_severity: components["schemas"]["Severity"];
                /** @description Name. */
                name: string;
                /** @description Whether it is notified of alerts that were over when the hub learned of them (`alert.past`). */
                past: boolean;
                problem?: components["schemas"]["WebhookProblem"] | null;
                quiet?: components["schemas"]["QuietNow"] | null;
                quiet_hours?: components["schemas"]["QuietHours"] | null;
                /** @description How often it is told again (`alert.repeated`) that an alert still fires, until somebody acknowledges it; null for never. */
                repeat_every?: string | null;
                /** @description How many rules notify it. */
                rules: number;
                /** @description Tags the rule must have; alerts of the hub itself pass. */
                tags: {
                    [key: string]: string;
                };
                template?: components["schemas"]["RequestTemplate"] | null;
                /** @description Where it sends, with `(hidden)` for what lets in; who is no admin sees scheme and host of it, the rest is `...`. */
                url: string;
            }[];
            /** @description What to send as `cursor` to go on; null at the end. */
            next: string | null;
        };
        /** @description One of several conditions. */
        Part: {
            /** @description The condition; not `silence`. */
            condition: components["schemas"]["SensorCondition"];
            /** @description Name of the sensor, not a pattern; the rule's sensor when left out. */
            sensor: string | null;
        };
        /** @description To change the password. */
        PasswordChange: {
            /** @description The new password: at least 8 characters. */
            new_password: string;
            /** @description The current password. */
            password: string;
        };
        /** @description One's password once more. */
        PasswordRequest: {
            /** @description The current password. */
            password: string;
        };
        /** @description Device time in epoch milliseconds, value */
        Point: number[];
        /**
         * @description Who may open a session.
         * @enum {string}
         */
        Policy: "closed" | "token" | "click" | "open";
        /** @description One value of a pending device's sample. */
        Preview: {
            /** @description Sensor. */
            sensor: string;
            /** @description Unit code. */
            unit: string;
            /**
             * Format: double
             * @description Value.
             */
            value: number;
        };
        /**
         * @description What a preview is made of.
         * @enum {string}
         */
        PreviewOf: "alert" | "reading" | "nothing";
        /** @description A message. */
        PreviewedMessage: {
            /** @description `alert.firing` or `alert.resolved`. */
            event: string;
            /** @description Why it is in the hub's own words although there is a template; null where it is not. */
            template_error: string | null;
            /** @description Its text. */
            text: string;
            /** @description Its title. */
            title: string;
        };
        /** @description Why a request was refused or failed (RFC 9457). */
        Problem: {
            /** @description What is wrong, for programs. */
            code: string;
            /** @description What is wrong and what to do, for people. */
            detail: string;
            /** @description The field or parameter to correct. */
            field?: string | null;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The status in words. */
            title: string;
            /** @description Always `about:blank`: `code` says more. */
            type: string;
        };
        /** @description Why a reading is not stored. */
        PushProblem: {
            /** @description What is wrong and what to do, for people. */
            detail: string;
            /** @description The field to correct, with its line or index. */
            field: string | null;
        };
        /** @description What became of pushed readings. */
        Pushed: {
            /** @description Devices they are of. */
            devices: number;
            /** @description Readings that are not: with `partial` alone, else there are none. */
            left_out: number;
            /** @description What is wrong with the first twenty of those. */
            problems: components["schemas"]["PushProblem"][];
            /** @description Readings on disk. */
            stored: number;
        };
        /**
         * @description How far to trust a value.
         * @enum {string}
         */
        Quality: "good" | "stale" | "future";
        /** @description Several queries in one request. */
        QueriesRequest: {
            /** @description At most 50. */
            queries: components["schemas"]["NewQuery"][];
        };
        /** @description What a query found. */
        QueryResult: {
            /** @description What to send as `cursor` to get them; null at the end. */
            next: string | null;
            /**
             * @description What somebody who reads the numbers should know; mostly null. Said where percentiles and rates are null because not all
             *     readings are there any longer, and where a summary by the minute or the hour is cut by the edge of a bucket.
             */
            note: string | null;
            /** @description One per series, or one for all. */
            series: components["schemas"]["SeriesColumns"][];
            /** @description What it was computed from. */
            source: components["schemas"]["Source"];
            /** @description Whether there are more series than `limit`. */
            truncated: boolean;
        };
        /** @description The results, in the order of the queries. */
        QueryResults: {
            /** @description One a query. */
            results: components["schemas"]["QueryResult"][];
        };
        /** @description Hours of the week in which nothing is sent. Messages wait until they end; what began and was over in them is not sent. */
        QuietHours: {
            /** @description Whether critical alerts are sent all the same; true when left out. */
            critical_passes: boolean;
            /** @description Days on which they begin: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. */
            days: string[];
            /** @description Time of the day at which they begin: `22:00`. */
            from: string;
            /** @description Time at which they end; on the next day where that is not later than `from`. */
            until: string;
            /** @description Time zone of both, such as `Europe/Berlin` or `+05:30`; the hub's when left out. */
            zone: string | null;
        };
        /** @description Quiet hours that last. */
        QuietNow: {
            /** @description When they end. */
            until: string;
            /** @description Messages that wait for it. */
            waiting: number;
        };
        /** @description Codes for when the app is lost, each of which works once. They are shown only once. */
        RecoveryCodes: {
            /** @description The codes. */
            codes: string[];
        };
        /** @description Which hardware takes the place of a device's. */
        ReplaceRequest: {
            /**
             * @description Id of the new hardware: `hardware` of a device that waits to be adopted or that was, or `was` of a replacement. The id of
             *     a device means the hardware it has now.
             */
            by: string;
        };
        /** @description Which messages to send again. */
        ReplayDeliveries: {
            from?: components["schemas"]["Time"] | null;
            state?: components["schemas"]["DeliveryState"] | null;
            to?: components["schemas"]["Time"] | null;
            /** @description To this webhook; to each that is on when left out. */
            webhook?: string | null;
        };
        /** @description What is sent again. */
        Replayed: {
            /** @description Whether that is as many as one request sends again (1000): ask once more for the rest. */
            more: boolean;
            /** @description How many are left because their webhook is off; 1000 stands for more. */
            off: number;
            /** @description How many messages. */
            replayed: number;
        };
        /**
         * @description What a webhook of the kind `generic` sends in place of the hub's own JSON, as templates in the language of Jinja over the message. A
         *     name that no message has is refused. One that fails when a message is sent leaves the hub's own, and is a `problem`.
         */
        RequestTemplate: {
            /** @description The body: `{"text": {{ title|tojson }}, "level": {{ severity|tojson }}}`. `{{ token }}` is the field `token`, which is never given back. */
            body: string | null;
            /** @description What the body is; `application/json` when left out, and then it has to be JSON. */
            content_type: string | null;
            /** @description Headers by name: `{"X-Priority": "{{ 5 if severity == 'critical' else 3 }}"}`. */
            headers: {
                [key: string]: string;
            };
        };
        /** @description What version 1 of InfluxDB answers to statements. */
        Results: {
            /** @description One of each statement. */
            results: components["schemas"]["StatementResult"][];
        };
        /** @description The last server time a client has seen, in epoch milliseconds, as a number or a text. */
        Resume: number | string;
        /** @description How long readings are kept, counted from when the hub received them. */
        Retention: {
            /** @description Alerts that are over, and messages to webhooks, counted from their last change. */
            alerts: string;
            /** @description Other ages for devices with labels; the first entry that fits counts. */
            by_label: components["schemas"]["LabelRetention"][];
            /** @description Whether flags or the configuration file set it: then it cannot be changed here. */
            configured: boolean;
            /** @description Hourly summaries, which replace older one-minute summaries. */
            hours: string;
            /** @description One-minute summaries, which replace older readings. */
            minutes: string;
            /** @description Every reading: `14d`, `6w`, `5y`, `forever`. */
            raw: string;
        };
        /** @description What a policy would delete right away. */
        RetentionPreview: {
            /**
             * Format: int64
             * @description Alerts that are over, and messages to webhooks.
             */
            alerts: number;
            /**
             * Format: int64
             * @description Bytes the readings and summaries use; the summaries that replace it will need a part of it.
             */
            bytes: number;
            /**
             * Format: int64
             * @description Hourly summaries: weeks of one series.
             */
            hour_weeks: number;
            /**
             * Format: int64
             * @description One-minute summaries: days of one series.
             */
            minute_days: number;
            /**
             * Format: int64
             * @description Readings that would be replaced by one-minute and hourly summaries.
             */
            readings: number;
            /** @description The same in words. */
            text: string;
        };
        /** @description How long readings are to be kept; what is left out is kept for ever. */
        RetentionRequest: {
            /** @description Alerts that are over, and messages to webhooks; `1y` when left out. */
            alerts?: string | null;
            /** @description Other ages for devices with labels; the first entry that fits counts. */
            by_label?: components["schemas"]["LabelRetentionRequest"][];
            /** @description Hourly summaries, not shorter than `minutes`. */
            hours?: string | null;
            /** @description One-minute summaries, not shorter than `raw`. */
            minutes?: string | null;
            /** @description Every reading: `14d`, `6w`, `5y`, `forever`; at least `1d`. */
            raw?: string | null;
        };
        /**
         * @description What somebody may do.
         * @enum {string}
         */
        Role: "viewer" | "operator" | "admin";
        /** @description Device id, sensor, device time in epoch milliseconds, value */
        Row: (string | number)[];
        /** @description What an error is about. */
        RpcErrorAbout: {
            /** @description The field or parameter to correct; empty where there is none. */
            field: string;
        };
        /** @description What is wrong, for programs: `google.rpc.ErrorInfo`. */
        RpcErrorInfo: {
            /** @description Always `type.googleapis.com/google.rpc.ErrorInfo`. */
            "@type": string;
            /** @description Always `telemetry-hub`. */
            domain: string;
            /** @description What to correct. */
            metadata: components["schemas"]["RpcErrorAbout"];
            /** @description The hub's code of it, as other paths have it. */
            reason: string;
        };
        /** @description Why a request was refused: `google.rpc.Status`. */
        RpcStatus: {
            /**
             * Format: int32
             * @description What is wrong, as gRPC counts it: 3 invalid, 7 not allowed, 8 too much, 14 try again, 16 nobody is signed in.
             */
            code: number;
            /** @description The same for programs; in JSON alone. */
            details: components["schemas"]["RpcErrorInfo"][];
            /** @description What is wrong and what to do, for people. */
            message: string;
        };
        /** @description A rule. */
        Rule: {
            /** @description Whether all webhooks are told, also those that are made later; then `webhooks` is empty. */
            all_webhooks: boolean;
            /** @description How long it must be good again before it resolves. */
            clear_for: string;
            /** @description When it is true. */
            condition: components["schemas"]["Condition"];
            /** @description When it was made. */
            created_at: string;
            /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. */
            device: string;
            /** @description Whether it is evaluated. */
            enabled: boolean;
            /** @description How long it must stay true before it fires. */
            for: string;
            /** @description Text of its id. */
            id: string;
            /** @description Labels the device must have. */
            labels: {
                [key: string]: string;
            };
            /** @description `hub` where the hub made the rule by itself, once; null of all others. */
            made_by: string | null;
            message: components["schemas"]["MessageTemplates"] | null;
            /** @description Why those words fail of its newest alert, which the hub told in its own; null where they do not, and of a rule that was just changed. */
            message_problem: string | null;
            /**
             * @description Other sensors that its condition names and none of the devices has that it watches: `all` and `difference` never fire
             *     without them, and `any` by its other parts only.
             */
            missing: string[];
            /** @description Name. */
            name: string;
            needs: components["schemas"]["Needs"] | null;
            /** @description Glob over sensor names. */
            sensor: string;
            /** @description How bad it is. */
            severity: components["schemas"]["Severity"];
            source: components["schemas"]["RuleSource"] | null;
            /** @description What its alerts are tagged with: `{"team": "x"}`. */
            tags: {
                [key: string]: string;
            };
            /** @description When it was last changed. */
            updated_at: string;
            /**
             * Format: int32
             * @description Counts its changes, from 1.
             */
            version: number;
            /** @description How many sensors it watches now; devices, where it is about devices as a whole. At 0 nothing is there that it is about. */
            watches: number;
            /** @description Who is told. */
            webhooks: string[];
        };
        /** @description What happens to a rule. */
        RuleChange: {
            /** @description What happens. */
            change: components["schemas"]["RuleChangeKind"];
            /** @description What is different of one that is changed. */
            fields: components["schemas"]["FieldChange"][];
            /** @description The file. */
            file: string;
            /**
             * Format: int32
             * @description The line in it; null of one that it no longer names.
             */
            line: number | null;
            /** @description Its name. */
            name: string;
        };
        /**
         * @description What happens to a rule.
         * @enum {string}
         */
        RuleChangeKind: "created" | "changed" | "taken_over" | "removed";
        /** @description A file of rules. */
        RuleFileRequest: {
            /** @description What it is called, with its folder: people look for it there. */
            file: string;
            /** @description Its rules; those that came from it before and are not among them are removed. */
            rules: components["schemas"]["RuleInFileRequest"][];
        };
        /** @description A rule in a file. */
        RuleInFileRequest: {
            /**
             * Format: int32
             * @description The line in which it begins.
             */
            line: number;
            /** @description The rule. Without `webhooks` those stay that it has. */
            rule: components["schemas"]["NewRule"];
        };
        /** @description A rule as an alert names it. */
        RuleName: {
            /** @description Text of its id. */
            id: string;
            /** @description Its name when the alert began. */
            name: string;
        };
        /** @description What people would be told. */
        RulePreview: {
            /** @description When it happened. */
            at: string | null;
            /** @description Its device, where there is one. */
            device_name: string | null;
            /** @description What is said when it fires, and when it is over. */
            messages: components["schemas"]["PreviewedMessage"][];
            /** @description What is told. */
            of: components["schemas"]["PreviewOf"];
            /** @description Its sensor, where there is one. */
            sensor: string | null;
        };
        /** @description A rule, and which one it is already. */
        RulePreviewRequest: {
            /**
             * @description The rule that it is a new version of: its newest alert is told. Else, and where it has none, the newest reading of what the rule
             *     would watch.
             */
            id?: string | null;
            /** @description The rule, as for making one; its `name` may be left out. */
            rule: components["schemas"]["NewRule"];
        };
        /** @description Where a rule stands that is kept in a file. */
        RuleSource: {
            /** @description With its folder. */
            file: string;
            /**
             * Format: int32
             * @description From 1.
             */
            line: number;
        };
        /** @description A rule as it was when an alert fired. */
        RuleThen: {
            /** @description How long it had to be good again before it resolved. */
            clear_for: string;
            /** @description When it was true. */
            condition: components["schemas"]["Condition"];
            /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. */
            device: string;
            /** @description How long that had to stay true before it fired. */
            for: string;
            /** @description Whether the rule still says the same. */
            is_current: boolean;
            /** @description Its name then. */
            name: string;
            /** @description Glob over sensor names. */
            sensor: string;
            /** @description How bad it was. */
            severity: components["schemas"]["Severity"];
            /** @description Since when it said so. */
            since: string;
            /**
             * Format: int32
             * @description Counts its changes, from 1.
             */
            version: number;
        };
        /** @description What was changed, or would be. */
        RulesApplied: {
            /** @description Rules that are made, changed or removed, in the order of the files. */
            changes: components["schemas"]["RuleChange"][];
            /** @description How many are as their files say already. */
            unchanged: number;
        };
        /** @description Files of rules. */
        RulesApplyRequest: {
            /** @description Only say what would change; false when left out. */
            dry_run?: boolean;
            /** @description The files, each whole. */
            files: components["schemas"]["RuleFileRequest"][];
        };
        /**
         * @description Where rules of time zones are from.
         * @enum {string}
         */
        RulesSource: "built_in" | "machine";
        /**
         * @description What a token may do.
         * @enum {string}
         */
        Scope: "ingest" | "read" | "write" | "operate" | "admin";
        /** @description What an authenticator app has to know. It counts once a code of it was sent. */
        SecondFactorDraft: {
            /** @description The same as a QR code: an SVG. */
            qr_svg: string;
            /** @description To type into the app: base32. */
            secret: string;
            /** @description The same as the app reads it. */
            uri: string;
        };
        /** @description A condition about all devices of a rule together: it has one alert. */
        SelectionCondition: {
            /**
             * Format: int32
             * @description The alert resolves only once the number is back past this one; at `value` when left out.
             */
            clear?: number | null;
            /** @description The state. */
            condition: components["schemas"]["SensorCondition"];
            /** @description `>=`: at least so many; `<=`: at most. */
            op: components["schemas"]["Op"];
            /** @enum {string} */
            type: "count";
            /**
             * Format: int32
             * @description The number of devices.
             */
            value: number;
        };
        /** @description One sensor of a device. */
        Sensor: {
            /**
             * Format: int32
             * @description Expected time between readings, in milliseconds.
             */
            interval_ms: number | null;
            /** @description How its values relate over time. */
            kind: components["schemas"]["Kind"];
            /** @description Whether the owner set `kind`: then it stays, whatever is sent. */
            kind_by_owner: boolean;
            last: components["schemas"]["Last"] | null;
            /** @description Its name on the device. */
            sensor: string;
            /** @description Unit code; empty when dimensionless. */
            unit: string;
        };
        /** @description A condition about one sensor. */
        SensorCondition: {
            /**
             * Format: double
             * @description The alert resolves only once the value is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /** @enum {string} */
            type: "threshold";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /** @description Over how long the change is measured, back from the reading; nothing is decided until half of it is known. */
            over: string;
            /** @description The unit of time of `value` and `clear`: `1s`, `60s`, `1h`. */
            per: string;
            /** @enum {string} */
            type: "rate";
            /**
             * Format: double
             * @description The limit: change per `per`; use a negative limit for falling values.
             */
            value: number;
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /**
             * @description Within what time, back from the reading. Too large an increase fires at once, too small a one once nine
             *     tenths of this time are known.
             */
            over: string;
            /** @enum {string} */
            type: "increase";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is within this many; at `sigmas` when left out.
             */
            clear?: number | null;
            /**
             * Format: double
             * @description A difference up to this, in the sensor's unit, is never beyond the limit.
             */
            least?: number | null;
            /**
             * @description How long the history is, back from the reading; nothing is decided before ten readings over half of it. A reading
             *     beyond the limit does not join it, unless that went on for all of it: then it counts as usual (`new_normal`).
             */
            over: string;
            /**
             * Format: double
             * @description How far, in standard deviations of the history, either side.
             */
            sigmas: number;
            /** @enum {string} */
            type: "deviation";
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /**
             * @description How long the while is, back from the reading: at most so long, and at least 29 thirtieths of it, because it begins at
             *     a whole thirtieth; nothing is decided until half of it is known.
             */
            over: string;
            /** @enum {string} */
            type: "average";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /** @description How long the while is, as of `average`. */
            over: string;
            /** @enum {string} */
            type: "minimum";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is back past this limit; at `value` when left out.
             */
            clear?: number | null;
            /** @description Direction. */
            op: components["schemas"]["Op"];
            /** @description How long the while is, as of `average`. */
            over: string;
            /** @enum {string} */
            type: "maximum";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
        } | {
            /** @description How long. */
            after: string;
            /**
             * Format: double
             * @description How wide the band is, in the sensor's unit: up to this the highest and the lowest reading may be apart; 0 for values
             *     that do not change at all.
             */
            least: number;
            /** @enum {string} */
            type: "stuck";
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the value is within this many; at `sigmas` when left out.
             */
            clear?: number | null;
            /**
             * Format: double
             * @description A difference up to this, in the sensor's unit, is never beyond the limit. When left out the deviation counts as no
             *     less than 0.5 % of the median.
             */
            least?: number | null;
            /**
             * Format: double
             * @description How far, either side of the median of those days, in deviations: 1.4826 times the median absolute one.
             */
            sigmas: number;
            /** @enum {string} */
            type: "seasonal";
        } | {
            /**
             * Format: double
             * @description The alert resolves only once the line would not reach this limit either within that time; `value` when left out.
             */
            clear?: number | null;
            /** @description From which side: `>` and `>=` as the value rises, `<` and `<=` as it falls. */
            op: components["schemas"]["Op"];
            /** @description How long the while is, as of `average`; nothing is decided until half of it is known, by three readings. */
            over: string;
            /** @enum {string} */
            type: "forecast";
            /**
             * Format: double
             * @description The limit.
             */
            value: number;
            /** @description Within what time from the reading. */
            within: string;
        } | {
            /** @description How long. */
            after: string;
            /** @enum {string} */
            type: "silence";
        };
        /** @description Changes to a sensor. */
        SensorPatch: {
            kind: components["schemas"]["Kind"] | null;
        };
        /** @description Sensors that some devices have, all of them the same. */
        SensorSet: {
            /** @description How many devices have these and no others. */
            devices: number;
            /** @description How many of them are online. */
            online: number;
            /** @description Sensors by name, without those that fewer than one in twenty devices have. */
            sensors: string[];
        };
        /** @description What the rule would have done on one series. */
        SeriesBacktest: {
            /** @description Id of the device; empty for a rule that counts devices, which has one entry for all of them. */
            device: string;
            /** @description Its name. */
            device_name: string;
            /**
             * Format: int64
             * @description How often it would have fired, with what would have been firing at the start of the range.
             */
            fires: number;
            /**
             * Format: double
             * @description Seconds of the range for which it would have been firing.
             */
            firing_s: number;
            /** @description The first 100 firings. */
            firings: components["schemas"]["Firing"][];
            /**
             * Format: int64
             * @description Readings that measured something: a rate and a deviation need some history before, see `needs`.
             */
            judged: number;
            /**
             * Format: int64
             * @description Readings stored in the range.
             */
            readings: number;
            /** @description Sensor; of a rule that counts devices its pattern. */
            sensor: string;
            /** @description Unit of the values of the firings. */
            unit: string;
        };
        /**
         * @description Columns of one series: those asked for are as long as there are buckets, the others empty. A bucket without readings
         *     has count 0 and nulls. What is computed, `avg` and `rate`, is rounded to twelve digits; further ones would depend on
         *     the order of summing. What was read is written in full.
         *
         *     What else was asked for has the name it was asked by:
         *
         *     - `increase`, how much was added in the bucket, and `rate`, the same a second. The change between two readings is
         *       spread evenly over the time between them, however long that is, so neighbouring buckets add up to the whole, to 15
         *       significant digits; a bucket that does not lie between two readings has null. Of a counter it is what was counted,
         *       never negative: a reading that falls waits for the next ones, which tell a restart from a slip. With `group=all`
         *       it is the sum of all.
         *     - percentiles such as `p95`, exact over the readings, between two of them in proportion. They are null in buckets of which
         *       rollups hold a part: then the result has a `note`.
         */
        SeriesColumns: {
            /** @description Mean of the values. */
            avg: (number | null)[];
            /** @description Readings. */
            count: number[];
            /** @description Id of the device; `*` for all together. */
            device: string;
            /** @description Oldest value. */
            first: (number | null)[];
            /** @description Newest value. */
            last: (number | null)[];
            /** @description Largest value. */
            max: (number | null)[];
            /** @description Smallest value. */
            min: (number | null)[];
            /** @description Sensor; `*` when several are together. */
            sensor: string;
            /** @description Start of each bucket, epoch milliseconds; with `empty=omit` only of those that hold readings. */
            t: number[];
            /** @description Unit code; empty when several with different units are together. */
            unit: string;
        };
        /** @description What the hub sends. */
        ServerMessage: {
            /**
             * Format: int64
             * @description Epoch milliseconds.
             */
            server_time: number;
            /** @description Names this connection. */
            session: string;
            /** @enum {string} */
            type: "hello";
            /** @description Version of the hub. */
            version: string;
        } | {
            /**
             * Format: int32
             * @description Which subscription.
             */
            id: number;
            /** @description The readings. */
            rows: components["schemas"]["Row"][];
            /** @enum {string} */
            type: "snapshot";
        } | {
            /**
             * Format: int32
             * @description Which subscription.
             */
            id: number;
            /** @description Which lane; a message never mixes them. */
            lane: components["schemas"]["Lane"];
            /** @description The readings. */
            rows: components["schemas"]["Row"][];
            /** @enum {string} */
            type: "readings";
        } | {
            /**
             * Format: int32
             * @description Which subscription.
             */
            id: number;
            /**
             * Format: int64
             * @description Epoch milliseconds from which on readings may be missing.
             */
            since: number;
            /** @enum {string} */
            type: "gap";
        } | {
            device?: components["schemas"]["Device"] | null;
            /** @description Id of the one that is gone. */
            removed?: string | null;
            /** @enum {string} */
            type: "device";
        } | {
            alert?: components["schemas"]["ListedAlert"] | null;
            /** @description Id of the one that is gone. */
            removed?: string | null;
            /** @enum {string} */
            type: "alert";
        } | {
            /** @description The delivery. */
            delivery: components["schemas"]["Delivery"];
            /** @enum {string} */
            type: "delivery";
        } | {
            /** @description Why. */
            detail: string;
            /** @enum {string} */
            type: "error";
        };
        /** @description A browser that is signed in. */
        Session: {
            /** @description Address it was last used from, to the minute; null where an older hub did not note it. */
            address: string | null;
            /** @description What the browser calls itself, shortened; null where it did not say. */
            browser: string | null;
            /** @description When it signed in. */
            created_at: string;
            /** @description Whether it is the session that asks. */
            current: boolean;
            /** @description When it ends if it is not used again: 7 days after its last use, 30 days after it signed in at the latest. */
            ends_at: string;
            /** @description Text of its id; it opens nothing. */
            id: string;
            /** @description When it was last used, to the minute. */
            last_used_at: string;
            /** @description Text of the id of whose it is. */
            user: string;
            /** @description What they are called. */
            user_name: string;
        };
        /** @description To set the first password. */
        SetupRequest: {
            /** @description At least 8 characters. */
            password: string;
            /** @description From the link the hub printed. */
            setup_token: string;
        };
        /** @description What the page shows before anybody is signed in. */
        SetupState: {
            /** @description Whether a name is asked for: more than one user has a password. */
            by_name: boolean;
            /** @description Name of the hub's computer, to tell one hub from another; null where it has none. */
            name: string | null;
            /** @description True until the first password is set. */
            needed: boolean;
        };
        /**
         * @description How bad it is.
         * @enum {string}
         */
        Severity: "info" | "warning" | "critical";
        /** @description To sign in: name and password, or the code of a link the hub printed. */
        SignInRequest: {
            /** @description A code of the authenticator app, or a recovery code: for users who have turned the second factor on. */
            code?: string | null;
            /** @description A code that works once. */
            login_code?: string | null;
            /** @description Whose password it is; may be left out as long as only one user has one. */
            name?: string | null;
            /** @description The password. */
            password?: string | null;
        };
        /** @description Who is signed in. */
        SignedIn: {
            /** @description Only with devices that have all of these labels; with everything where there are none. */
            labels: {
                [key: string]: string;
            };
            /** @description What they may do. */
            scope: components["schemas"]["Scope"];
            user: components["schemas"]["Me"] | null;
            /** @description How they signed in. */
            via: components["schemas"]["SignedInBy"];
        };
        /**
         * @description How somebody signed in.
         * @enum {string}
         */
        SignedInBy: "session" | "token";
        /**
         * @description For some time no notifications are sent of some alerts. They are still shown; of those that outlast the silence,
         *     notifications are sent when it ends.
         */
        Silence: {
            /** @description Why. */
            comment: string;
            /** @description When it was made. */
            created_at: string;
            /** @description Glob over the names of devices; an id is matched whole, or by more than eight characters. */
            device: string;
            /** @description From when. */
            from: string;
            /** @description Text of its id. */
            id: string;
            /** @description Labels the device must have. */
            labels: {
                [key: string]: string;
            };
            /** @description Only alerts of this rule; null for every rule. */
            rule: string | null;
            /** @description Glob over sensor names. */
            sensor: string;
            /** @description Whether it is in force. */
            state: components["schemas"]["SilenceState"];
            /** @description Until when. */
            until: string;
            weekly: components["schemas"]["Weekly"] | null;
        };
        /**
         * @description Whether a silence is in force.
         * @enum {string}
         */
        SilenceState: "planned" | "active" | "over";
        /**
         * @description What a result was computed from: the coarsest of what was used.
         * @enum {string}
         */
        Source: "raw" | "1m" | "1h";
        /** @description A source of a device that gives no readings, or something to be known of one. */
        SourceError: {
            /**
             * Format: int32
             * @description How often since then; 0 where nothing fails and this is only to be known: a value left out and why, a slow file.
             */
            count: number;
            /** @description What went wrong the last time. */
            error: string;
            /** @description Since when, by the device's clock. */
            since: string;
            /** @description Its name on the device. */
            source: string;
        };
        /** @description What came of a statement. */
        StatementResult: {
            /** @description What was asked for. */
            series: components["schemas"]["Listed"][];
            /**
             * Format: int32
             * @description Which, from 0.
             */
            statement_id: number;
        };
        /**
         * @description What a device is to the hub at the moment.
         * @enum {string}
         */
        Status: "online" | "offline" | "pending" | "blocked";
        /** @description Space that the readings use, and how long it will last. */
        Storage: {
            /**
             * Format: int64
             * @description Bytes of the database with its log.
             */
            bytes: number;
            /** @description When the pages of the database were last checked and found intact: at the start, and once a week. */
            checked_at: string | null;
            /** @description Whether all of it was checked then; a part when there was not the time. */
            checked_whole: boolean;
            /**
             * Format: int64
             * @description Bytes free on the disk.
             */
            disk_free_bytes: number | null;
            /**
             * Format: double
             * @description Days until `max_bytes`, or the disk, is reached at that rate; null when it does not grow.
             */
            full_in_days: number | null;
            /**
             * Format: double
             * @description Bytes it grows by, a day, measured over the last day; null in the first hour.
             */
            growth_bytes_per_day: number | null;
            /**
             * Format: int64
             * @description Maximum of `bytes` (`--max-size`); null without one.
             */
            max_bytes: number | null;
            /** @description When the newest reading arrived that was deleted because of `max_bytes` since the start; null if none was. */
            recycled_to: string | null;
            /** @description How it stands. */
            state: components["schemas"]["StorageState"];
            /**
             * Format: int64
             * @description Bytes of it that are in use; the rest is used next.
             */
            used_bytes: number;
            /**
             * Format: double
             * @description Bytes written to the disk, a day, measured over the last day: what wears flash.
             */
            written_bytes_per_day: number | null;
        };
        /**
         * @description How the storage stands.
         * @enum {string}
         */
        StorageState: "ok" | "nearly_full" | "recycling";
        /** @description Something that happened to an alert. */
        StoryEntry: components["schemas"]["Happened"] & {
            /** @description When; of what a webhook took, when it took it. */
            at: string;
        };
        /** @description A change of a device's hardware. */
        Swap: {
            /** @description When. */
            at: string;
            /** @description When that was heard last. */
            last_seen: string | null;
            /** @description Id of the hardware that went; it is put back by replacing with it. */
            was: string;
        };
        /** @description A moment in a body: a text as in a query string, or a number of epoch milliseconds. */
        Time: number | string;
        /** @description The rules of time zones in use: those of the hub's computer or those built into the hub, whichever are newer. */
        TimeZoneRules: {
            /** @description Version of the computer's, where they are known and not newer. */
            machine_version: string | null;
            /** @description Where they are from. */
            source: components["schemas"]["RulesSource"];
            /** @description Version of the tz database, such as `2026f`. */
            version: string;
            /** @description Said when they are more than a year old, with what to do; null otherwise. */
            warning: string | null;
        };
        /** @description The certificate that the hub is served with (`--tls`). */
        Tls: {
            /** @description When it expires; with `auto` the hub makes another before. */
            expires_at: string;
            /** @description SHA-256 of the hub's own certificate authority, which is at `/ca.crt`: `AB:CD:...`; null with `files`. */
            fingerprint: string | null;
            /** @description Where it is from. */
            mode: components["schemas"]["TlsMode"];
            /** @description What is wrong with it at the moment, such as files that are no pair; null when nothing is. */
            problem: string | null;
        };
        /**
         * @description Where a certificate is from.
         * @enum {string}
         */
        TlsMode: "files" | "auto";
        /** @description An API token. */
        Token: {
            /** @description When it was made. */
            created_at: string;
            /** @description When it stops working. */
            expires_at: string | null;
            /** @description Text of its id. */
            id: string;
            /** @description It is only for devices that have all of these labels; for everything where there are none. */
            labels: {
                [key: string]: string;
            };
            /** @description When it was last used. */
            last_used_at: string | null;
            /** @description Name. */
            name: string;
            /** @description What it may do. */
            scope: components["schemas"]["Scope"];
        };
        /** @description An API token, with its text, which is shown only once. */
        TokenWithText: components["schemas"]["Token"] & {
            /** @description What to send as `Authorization: Bearer`. */
            token: string;
        };
        /**
         * @description What a person says of topics of MQTT: whose readings their messages are, or that they are none. The first rule about a topic
         *     counts, before all that the hub knows of it.
         */
        TopicRule: {
            /** @description Name of the device; `{2}` in it is the second level of the topic, `{/id}` what stands there in the JSON. */
            device: string | null;
            /** @description Text of its id. */
            id: string;
            /** @description Whether they are no readings; then the rest is null. */
            ignore: boolean;
            kind: components["schemas"]["Kind"] | null;
            /** @description The text that is 0. */
            off: string | null;
            /** @description The text that is 1. */
            on: string | null;
            /** @description Name of the sensor, likewise. */
            sensor: string | null;
            /** @description Topics that it is about; `+` is any level, `#` all that follow. */
            topic: string;
            unit: string | null;
            /** @description Where in the JSON the value stands, as a JSON pointer; empty for the whole message. */
            value: string | null;
        };
        /** @description Rules for topics of MQTT. */
        TopicRuleList: {
            items: components["schemas"]["TopicRule"][];
            /** @description All of them are here: null. */
            next: string | null;
        };
        /** @description Topics that are not understood. */
        UnreadList: {
            items: components["schemas"]["UnreadTopic"][];
            /** @description All of them are here: null. */
            next: string | null;
        };
        /** @description A topic of MQTT of whose messages no readings are made. */
        UnreadTopic: {
            /** @description When that came. */
            at: string;
            /**
             * Format: int64
             * @description Messages that came.
             */
            count: number;
            /** @description The last one; at most its first 1,024 bytes. */
            payload: string;
            topic: string;
            /** @description `text`, `binary`, `no_number`, `too_many_numbers`, `too_many_devices`, `name` or `template`. */
            why: string;
        };
        /** @description Somebody who signs in. */
        User: {
            /** @description When they were added. */
            created_at: string;
            /** @description Whether they may sign in. */
            enabled: boolean;
            /** @description Whether they have chosen a password. */
            has_password: boolean;
            /** @description Text of its id. */
            id: string;
            /** @description Until when their link works; null where there is none, or it has expired. */
            invited_until: string | null;
            /** @description When they were last seen, to the minute; null if never. */
            last_seen_at: string | null;
            /** @description What they sign in by; capitals do not matter. */
            name: string;
            /** @description What they may do. */
            role: components["schemas"]["Role"];
            /** @description Whether a code is asked for beside the password. */
            second_factor: boolean;
        };
        /** @description What of a user to change; what is left out stays. */
        UserPatch: {
            /** @description Whether they may sign in. */
            enabled?: boolean | null;
            /** @description What they sign in by. */
            name?: string | null;
            role?: components["schemas"]["Role"] | null;
        };
        /** @description A user, with the link by which they choose a password, which is shown only once. */
        UserWithLink: components["schemas"]["User"] & {
            /** @description The link. */
            link: components["schemas"]["InviteLink"];
        };
        /** @description What something unusual was, and what is usual. */
        Usual: {
            /**
             * Format: double
             * @description And ends here.
             */
            high: number;
            /**
             * Format: double
             * @description What is usual begins here: two deviations below the middle, or as many as the limit lets pass where these are fewer.
             */
            low: number;
            /** @description Unit of all of them: the sensor's, of a counter that by the second. */
            unit: string;
            /**
             * Format: double
             * @description What it was: the reading; of `seasonal` the mean of the last hour; of a counter its growth.
             */
            value: number;
        };
        /** @description The newest reading of a battery or a radio. */
        Vital: {
            /** @description Sensor. */
            sensor: string;
            /** @description Unit. */
            unit: string;
            /**
             * Format: double
             * @description Value.
             */
            value: number;
        };
        /** @description A webhook. */
        Webhook: {
            /** @description When it was made. */
            created_at: string;
            /** @description Why the hub disabled it. */
            disabled_reason: string | null;
            /** @description Whether deliveries are attempted. */
            enabled: boolean;
            /** @description How many of its messages were given up, tests aside: `POST /deliveries/replay` sends them again. 1000 stands for more. */
            failed: number;
            /** @description Since when every attempt failed, whatever for; after five days the webhook is disabled. Null after one that did not. */
            failing_since: string | null;
            /**
             * @description What the kind asks for beside the URL: `chat_id` (telegram), `routing_key` (pagerduty), `room_id` and `token` (matrix), `token`
             *     (ntfy, gotify), `to`, `from`, `username`, `password` and `plain_text` (email). Secrets are `(hidden)`, and all of them for who is no admin.
             */
            fields: {
                [key: string]: string;
            };
            /** @description Whether rules that are created without `webhooks` notify it. */
            for_new_rules: boolean;
            /** @description Names of the extra request headers. Their values are `(hidden)`: they are credentials, and given back to nobody. */
            headers: {
                [key: string]: string;
            };
            /** @description Text of its id. */
            id: string;
            /** @description What reads its messages. */
            kind: components["schemas"]["WebhookKind"];
            /** @description Labels the device must have; alerts of the hub itself have no device, and pass. */
            labels: {
                [key: string]: string;
            };
            last_delivery: components["schemas"]["LastDelivery"] | null;
            /** @description It is told of alerts that are at least so bad. */
            least_severity: components["schemas"]["Severity"];
            /** @description Name. */
            name: string;
            /** @description Whether it is notified of alerts that were over when the hub learned of them (`alert.past`). */
            past: boolean;
            problem: components["schemas"]["WebhookProblem"] | null;
            quiet: components["schemas"]["QuietNow"] | null;
            quiet_hours: components["schemas"]["QuietHours"] | null;
            /** @description How often it is told again (`alert.repeated`) that an alert still fires, until somebody acknowledges it; null for never. */
            repeat_every: string | null;
            /** @description How many rules notify it. */
            rules: number;
            /** @description Tags the rule must have; alerts of the hub itself pass. */
            tags: {
                [key: string]: string;
            };
            template: components["schemas"]["RequestTemplate"] | null;
            /** @description Where it sends, with `(hidden)` for what lets in; who is no admin sees scheme and host of it, the rest is `...`. */
            url: string;
        };
        /**
         * @description What reads the messages of a webhook.
         * @enum {string}
         */
        WebhookKind: "generic" | "slack" | "discord" | "teams" | "ntfy" | "telegram" | "pagerduty" | "alertmanager" | "gotify" | "matrix" | "home_assistant" | "email";
        /** @description What changes about a webhook; the rest stays. */
        WebhookPatch: {
            /** @description Whether deliveries are attempted. Setting it also clears `disabled_reason`. */
            enabled?: boolean | null;
            /** @description Fields of the kind to set, or with null to remove; those not named stay. */
            fields?: {
                [key: string]: string | null;
            } | null;
            /** @description Whether rules that are created without `webhooks` notify it. */
            for_new_rules?: boolean | null;
            /** @description Headers to set, or with null to send no more; those not named stay. What waits is sent with them at once. */
            headers?: {
                [key: string]: string | null;
            } | null;
            kind?: components["schemas"]["WebhookKind"] | null;
            /** @description All labels the device must have; they replace the present ones. */
            labels?: {
                [key: string]: string;
            } | null;
            least_severity?: components["schemas"]["Severity"] | null;
            /** @description Name. */
            name?: string | null;
            /** @description Whether it is notified of alerts that were over when the hub learned of them (`alert.past`). */
            past?: boolean | null;
            quiet_hours?: components["schemas"]["QuietHours"] | null;
            /** @description How often it is told again that an alert still fires; null for never. */
            repeat_every?: string | null;
            /** @description All tags the rule must have; they replace the present ones. */
            tags?: {
                [key: string]: string;
            } | null;
            template?: components["schemas"]["RequestTemplate"] | null;
            /**
             * @description http or https URL, without user name and password: those go into a header. What waits is sent there at once. As it is shown, with
             *     `(hidden)`, it stays as it is, while the kind is the same. For another scheme, host or port secret fields and headers have to be
             *     given again.
             */
            url?: string | null;
        };
        /** @description A request that a webhook would make. */
        WebhookPreview: {
            /** @description The bytes, with `(hidden)` for what lets in, and `(picture, about 26 kB)` where those of a picture are. */
            body: string;
            /** @description All headers of HTTP but those of the connection, with `(hidden)` for what lets in. */
            headers: {
                [key: string]: string;
            };
            /** @description `POST` or `PUT`; of `email` `SMTP`. */
            method: string;
            /** @description Where to, with `(hidden)` for what lets in. */
            url: string;
        };
        /** @description Why no message arrives until a person mends it. */
        WebhookProblem: {
            /** @description Where to look. */
            kind: components["schemas"]["WebhookProblemKind"];
            /** @description When a message first failed for it. */
            since: string;
            /** @description What is wrong, and what to do; the words of a mail server are only in what an admin sees. */
            text: string;
        };
        /**
         * @description Where a person finds what to mend.
         * @enum {string}
         */
        WebhookProblemKind: "token" | "address" | "message" | "policy";
        /** @description A webhook, with its secret, which is shown only once. */
        WebhookWithSecret: components["schemas"]["Webhook"] & {
            /** @description What the receiver verifies signatures with (Standard Webhooks); of the kind `generic`, the others are not signed. */
            secret: string;
        };
        /** @description Hours that come again each week. */
        Weekly: {
            /** @description Days on which they begin: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. */
            days: string[];
            /** @description Time of the day at which they begin: `22:00`. */
            from: string;
            /** @description Time at which they end; on the next day where that is not later than `from`. */
            until: string;
            /** @description Time zone of both, such as `Europe/Berlin` or `+05:30`; the hub's when left out. */
            zone: string | null;
        };
        /** @description A condition about a device as a whole: the rule's `sensor` is not asked. */
        WholeCondition: {
            /** @description And for so long; from 10 s to 30 d. */
            after: string;
            /** @enum {string} */
            type: "offline";
        } | {
            /** @enum {string} */
            type: "source_failing";
        } | {
            /** @description By more than this; 60 s when left out. */
            by?: string;
            /** @enum {string} */
            type: "clock_off";
        };
        /** @description What a question is worth, for the contract. */
        Worth: {
            /** @description Series with `metric`, and `value` (`[seconds, "number"]`) or `values`; of a scalar or string the pair itself. */
            result: unknown;
            /** @description `vector`, `matrix`, `scalar` or `string`. */
            resultType: string;
        };
        /** @description A line that cannot be imported. */
        WrongLine: {
            /** @description What is wrong, and what would be right. */
            detail: string;
            /** @description The column. */
            field: string | null;
            /**
             * Format: int64
             * @description Its number, from 1.
             */
            line: number;
        };
    };
    responses: {
        /** @description The hub is busy or stops; `Retry-After` says when to try again */
        Busy: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The role or the token may not */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The disk is full */
        Full: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A parameter or a field is wrong, or not one of this operation */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description What the path, a parameter or the body names is not there */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is of another type */
        OtherType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body stopped coming */
        Stalled: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is too large */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too many attempts; `Retry-After` says when to try again */
        TooMany: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Nobody is signed in, and there is no valid token */
        Unauthenticated: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
