// What a person does with a webhook and its deliveries.

import * as api from "../api";
import { dispatch } from "../app";
import type { Delivery, Webhook } from "../types";
import { answered } from "./answer";

const takeDelivery = (delivery: Delivery, asked: number) => dispatch({ kind: "delivery", delivery, asked });

export const testWebhook = (webhook: Webhook) => answered(api.webhooks.test(webhook.id), takeDelivery);

/** Sends a delivery once more, with the same id, so that the receiver can tell it from a new one. */
export const replay = (delivery: Delivery) => answered(api.webhooks.replay(delivery.id), takeDelivery);
