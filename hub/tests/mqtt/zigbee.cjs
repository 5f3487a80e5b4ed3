// Of every definition of `zigbee-herdsman-converters` a device as Zigbee2MQTT announces it, a message of it, and what is expected of that.
// Argument: the package's folder.

const [, , at] = process.argv;
const { prepareDefinition } = require(at);
const { default: definitions } = require(`${at}/dist/devices/index.js`);

const PUBLISHED = 1;

/** Puts a value for each part of `exposes` into a message. */
function put(object, before, part, expected) {
  const path = before ? `${before}.${part.property}` : part.property;
  if (part.features) {
    const isInside = part.type === "composite" && part.property;
    if (isInside) object[part.property] ??= {};
    for (const feature of part.features)
      put(isInside ? object[part.property] : object, isInside ? path : before, feature, expected);
    return;
  }
  if (!part.property || !((part.access ?? PUBLISHED) & PUBLISHED)) return;
  if (part.type === "numeric") {
    object[part.property] = part.value_min ?? 1.5;
    expected[path] = [object[part.property], part.unit ?? ""];
  } else if (part.type === "binary") {
    object[part.property] = part.value_on;
    expected[path] = [1, ""];
  } else {
    object[part.property] = part.type === "enum" ? part.values[0] : part.type === "text" ? "x" : [];
    delete expected[path];
  }
}

const made = definitions.map((base, index) => {
  const definition = prepareDefinition(base);
  const { model, vendor } = definition;
  const exposes =
    typeof definition.exposes === "function" ? definition.exposes({ isDummyDevice: true }, {}) : definition.exposes;
  const name = `device ${index}`;
  const [payload, expected] = [{}, {}];
  for (const part of exposes) put(payload, "", part, expected);
  const ieee_address = `0x${index.toString(16).padStart(16, "0")}`;
  const device = { ieee_address, friendly_name: name, type: "Router", definition: { model, vendor, exposes } };
  return { device, message: { name, model, payload, expected } };
});
const part = (name) => made.map((one) => one[name]);
process.stdout.write(JSON.stringify({ devices: part("device"), messages: part("message") }));
