// No connection to the hub: since when, and that what is shown is from then. The whole page is grey meanwhile.

import { useEffect } from "preact/hooks";
import { part, retryStream, state } from "../app";
import { duration, when } from "../format";

const lostAt = part((s) => (s.connection === "reconnecting" ? s.lostAt : null));

export function LostBar() {
  const since = lostAt.value;
  useEffect(() => {
    document.body.classList.toggle("lost", since !== null);
    return () => document.body.classList.remove("lost");
  }, [since !== null]);
  if (since === null) return null;
  const { now, barred } = state.value;
  return (
    <div class="banner bad lost-bar" role="alert">
      <div>
        <strong>No connection to the hub since {when(since, now)}</strong>
        <span>
          Trying again… Everything below is from then<span aria-live="off">, {duration(now - since)} ago</span>.
        </span>
        {barred ? <span>{barred}</span> : null}
        <button type="button" class="button" onClick={retryStream}>
          Try now
        </button>
      </div>
    </div>
  );
}
