// What a person sets at the hub itself.

import * as api from "../api";
import { dispatch, turn } from "../app";
import type { Hub, JoinPolicy } from "../types";
import { answered } from "./answer";

// What a change answers holds that change; a look that was asked for before it came back may not.
const takeHub = (hub: Hub) => dispatch({ kind: "hub", hub, asked: turn() });

export const setJoin = (policy: JoinPolicy) => answered(api.hub.join(policy), takeHub);
export const openWindow = (span: string) => answered(api.hub.openFor(span), takeHub);
