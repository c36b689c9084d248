// Whether a hand is on a range input. "change" alone does not tell: it stays out where a drag ends
// at the value it began with, and where the system takes the pointer away.

const ENDS = ["pointerup", "pointercancel"];

/** @param moved, done called with the value while the hand moves it, and once when it has let go. */
export function held(input, { moved, done }) {
  let holding = false;
  const end = () => {
    if (!holding) return;
    holding = false;
    done(Number(input.value));
  };
  const later = () => {
    for (const name of ENDS) removeEventListener(name, later, true);
    setTimeout(end);  // after "change", where one comes
  };
  input.addEventListener("pointerdown", () => { for (const name of ENDS) addEventListener(name, later, true); });
  input.addEventListener("input", () => {
    holding = true;
    moved(Number(input.value));
  });
  input.addEventListener("change", end);
  return input;
}
