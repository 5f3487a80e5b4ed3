// Who is looking: the door, or the frame with its screens. The door waits for none of their code and looks.

import { part, state } from "../app";
import { lazily } from "./lazy";
import { SignIn } from "./sign_in";
import { Toasts } from "./toasts";

const frame = lazily(() => import("./frame").then((found) => found.Frame));

const session = part((s) => s.session);
const connection = part((s) => s.connection);

// Who comes by a link to a screen does not wait for the session to be known first.
if (state.peek().route.view !== "overview") frame.fetch();

export function App() {
  if (session.value.kind === "unknown") return <Opening />;
  if (session.value.kind !== "in")
    return (
      <>
        <SignIn session={session.value} />
        <Toasts />
      </>
    );
  return <frame.View />;
}

function Opening() {
  return (
    <main class="door">
      <p class="quiet" role="status">
        {connection.value === "reconnecting"
          ? (state.value.barred ?? "The hub does not answer. Trying again…")
          : "Opening…"}
      </p>
    </main>
  );
}
