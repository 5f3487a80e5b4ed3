// Runs the unit tests. Vitest 5 prints failures with `Map.groupBy`, which Node 20 lacks:
// without it a failing test would end in a crash of the reporter instead of its message.
Map.groupBy ??= (items, keyOf) => {
  const groups = new Map();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    groups.has(key) ? groups.get(key).push(item) : groups.set(key, [item]);
  }
  return groups;
};

const { startVitest } = await import("vitest/node");
const run = await startVitest("test", process.argv.slice(2), { run: true, watch: false });
await run?.close();
