// Screens whose code is fetched when the page is idle, or when one is opened before:
// the first screen does not wait for it.

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

interface Lazy<P> {
  View: ComponentType<P>;
  /** Fetches it, once. */
  fetch(): void;
}

export function lazily<P extends object>(load: () => Promise<ComponentType<P>>): Lazy<P> {
  const found = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  let asked = false;
  const fetch = () => {
    if (asked) return;
    asked = true;
    load().then(
      (view) => {
        found.value = view;
      },
      () => {
        // Tried again when it is opened next.
        asked = false;
        failed.value = true;
      },
    );
  };
  const View = (props: P) => {
    useEffect(() => {
      failed.value = false;
      fetch();
    }, []);
    const Found = found.value;
    if (Found) return <Found {...props} />;
    if (!failed.value)
      return (
        <p class="quiet" role="status">
          Loading…
        </p>
      );
    return (
      <section class="card empty" role="alert">
        <h1>This screen did not load</h1>
        <p>The hub does not answer, or it is another version since this page was opened.</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </section>
    );
  };
  return { View, fetch };
}
