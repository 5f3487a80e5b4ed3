import type { Device } from "./types";

/** A device that tests make: one that is online and of which nothing else is known. */
export const sampleDevice = (more: Partial<Device>): Device => ({
  id: "d",
  name: "d",
  hardware: null,
  status: "online",
  words: [],
  labels: {},
  model: null,
  version: null,
  address: null,
  clock_offset_ms: null,
  first_seen: "",
  last_seen: null,
  interval_ms: null,
  link: null,
  preview: [],
  sensors: 1,
  conflict: null,
  source_errors: [],
  more_source_errors: 0,
  notes: "",
  ...more,
});
