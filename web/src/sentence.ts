// What the hub says, as sentences of the page. PURE.

/** Words with which sentences begin. Any other may be the name of something, which has the letters it has. */
const BEGINS = /^(?:the|this|that|there|no|nobody|not|only|too|an?|it) /;

/** What somebody says, as a sentence of the page. */
export function sentence(text: string): string {
  const begun = BEGINS.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…:]$/.test(begun) || begun === "" ? begun : `${begun}.`;
}
