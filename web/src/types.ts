// What travels between hub and page, by the names of the hub's OpenAPI schemas (src/api.gen.ts). Types only, no code.
// Times are RFC 3339 text in objects and epoch milliseconds in point arrays; what is missing is null.

import type { components } from "./api.gen";

type Schemas = components["schemas"];

export type Millis = number;

/** An alert; of those in lists it is known too by which other one nobody is told of it. */
export type Alert = Schemas["Alert"] & Partial<Pick<Schemas["ListedAlert"], "inhibited_by" | "fired_by">>;
export type AlertDetail = Schemas["AlertDetail"];
export type StoryEntry = Schemas["StoryEntry"];
export type ListedAlert = Schemas["ListedAlert"];
export type Backtest = Schemas["Backtest"];
export type Condition = Schemas["Condition"];
export type SensorCondition = Schemas["SensorCondition"];
export type Delivery = Schemas["Delivery"];
export type Echo = Schemas["Echo"];
export type DeliveryWithBody = Schemas["DeliveryWithBody"];
export type ReplayDeliveries = Schemas["ReplayDeliveries"];
export type Device = Schemas["Device"];
export type DeviceStatus = Schemas["Status"];
export type Door = Schemas["Door"];
export type UnreadTopic = Schemas["UnreadTopic"];
export type TopicRule = Schemas["TopicRule"];
export type NewTopicRule = Schemas["NewTopicRule"];
export type Heartbeat = Schemas["Heartbeat"];
export type Hub = Schemas["Hub"];
export type Kind = Schemas["Kind"];
export type JoinPolicy = Schemas["Policy"];
export type JoinToken = Schemas["JoinToken"];
export type JoinTokenWithText = Schemas["JoinTokenWithText"];
export type Latest = Schemas["Latest"];
export type Ledger = Schemas["Ledger"];
export type LedgerDrops = Schemas["LedgerDrops"];
export type Link = Schemas["Link"];
export type NewJoinToken = Schemas["NewJoinToken"];
export type NewSilence = Schemas["NewSilence"];
export type NewToken = Schemas["NewToken"];
export type NewWebhook = Schemas["NewWebhook"];
export type Op = Schemas["Op"];
export type Problem = Schemas["Problem"];
export type QueryResult = Schemas["QueryResult"];
export type Replayed = Schemas["Replayed"];
export type Retention = Schemas["Retention"];
export type RetentionPreview = Schemas["RetentionPreview"];
export type RetentionRequest = Schemas["RetentionRequest"];
export type Rule = Schemas["Rule"];
export type RulePreview = Schemas["RulePreview"];
export type Sensor = Schemas["Sensor"];
export type SensorSet = Schemas["SensorSet"];
export type Series = Schemas["SeriesColumns"];
export type Silence = Schemas["Silence"];
export type Severity = Schemas["Severity"];
export type SetupState = Schemas["SetupState"];
export type SignedIn = Schemas["SignedIn"];
export type Swap = Schemas["Swap"];
export type Session = Schemas["Session"];
export type AuditEntry = Schemas["AuditEntry"];
export type Token = Schemas["Token"];
export type TokenWithText = Schemas["TokenWithText"];
export type Me = Schemas["Me"];
export type Role = Schemas["Role"];
export type User = Schemas["User"];
export type UserWithLink = Schemas["UserWithLink"];
export type UserPatch = Schemas["UserPatch"];
export type InviteLink = Schemas["InviteLink"];
export type Invitation = Schemas["Invitation"];
export type SecondFactorDraft = Schemas["SecondFactorDraft"];
export type RecoveryCodes = Schemas["RecoveryCodes"];
export type Webhook = Schemas["Webhook"];
export type WebhookKind = Schemas["WebhookKind"];
export type WebhookPreview = Schemas["WebhookPreview"];
export type AskPreview = Schemas["AskPreview"];
export type WebhookPatch = Schemas["WebhookPatch"];
export type WebhookWithSecret = Schemas["WebhookWithSecret"];

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** The document can only say "four of text or number"; here is which is which. */
export type Row = [device: string, sensor: string, at: Millis, value: number];

type WithRows<M> = M extends { rows: unknown } ? Omit<M, "rows"> & { rows: Row[] } : M;

/** What the hub says over the WebSocket. */
export type LiveMessage = WithRows<Schemas["ServerMessage"]>;
