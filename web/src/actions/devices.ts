// What a person does with a device.

import * as api from "../api";
import { dispatch, turn } from "../app";
import type { Device } from "../types";
import { answered, reason, say } from "./answer";

const takeDevice = (device: Device, asked: number) => dispatch({ kind: "device", device, asked });

export async function adopt(device: Device, name?: string): Promise<void> {
  await answered(api.devices.adopt(device.id, name), (adopted, asked) => {
    takeDevice(adopted, asked);
    say(`${adopted.name} adopted.`);
  });
}

export const block = (device: Device) => answered(api.devices.block(device.id), takeDevice);
export const loadDevice = async (id: string) => {
  const asked = turn();
  takeDevice(await api.devices.get(id), asked);
};

/** Throws what the hub refuses, so that the form can say it at its field. */
export async function changeDevice(id: string, change: Parameters<typeof api.devices.change>[1]): Promise<void> {
  const asked = turn();
  takeDevice(await api.devices.change(id, change), asked);
}

/** Puts new hardware in its place; what it is called and what it measured stays. */
export async function replaceDevice(id: string, by: string): Promise<boolean> {
  let done = false;
  await answered(api.devices.replace(id, by), (device, asked) => {
    takeDevice(device, asked);
    say(`${device.name} continues on the new hardware.`);
    done = true;
  });
  return done;
}

export const forgetDevice = (id: string) => answered(api.devices.forget(id), takeDevice);

export async function removeDevice(id: string): Promise<boolean> {
  try {
    await api.devices.remove(id);
  } catch (error) {
    say(reason(error), "error");
    return false;
  }
  dispatch({ kind: "device removed", id });
  return true;
}
