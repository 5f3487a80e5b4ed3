// What the keyboard does to the charts of a device; the page's help lists the keys.

import { useEffect } from "preact/hooks";
import { isCommand } from "../controls";

export function useChartKeys(actions: {
  toggle: () => void;
  resume: () => void;
  table: () => void;
  step: (part: number) => void;
  scale: (factor: number) => void;
  back: () => void;
}): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!isCommand(event)) return;
      const commands: Record<string, () => void> = {
        " ": actions.toggle,
        l: actions.resume,
        L: actions.resume,
        t: actions.table,
        T: actions.table,
        "0": actions.back,
        ArrowLeft: () => actions.step(-0.25),
        ArrowRight: () => actions.step(0.25),
        "+": () => actions.scale(0.5),
        "=": () => actions.scale(0.5),
        "-": () => actions.scale(2),
      };
      const command = commands[event.key];
      if (!command) return;
      event.preventDefault();
      command();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
