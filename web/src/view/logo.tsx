// The mark of the hub, as on the tab and on a phone's home screen.

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0072b2" />
      <path
        d="M5 18h5l3-9 5 15 3.500-10 1.500 4h4"
        fill="none"
        stroke="#fff"
        stroke-width="2.600"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
