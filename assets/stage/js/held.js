// Whether a hand is on a range input. "change" alone does not tell: it stays out where a drag ends
// at the value it began with, and where the system takes the pointer away. Escape takes it back.

import { takesBack } from "./keys.js";

const ENDS = ["pointerup", "pointercancel"];

/**
 * @param moved, done called with the value while the hand moves it, and once when it has let go.
 * @param back called where the hand took it back; else it is moved to where it began, and let go.
 */
export function held(input, { moved, done, back = () => { moved(Number(input.value)); done(Number(input.value)); } }) {
  let holding = false, from = null, taken = false;
  const end = () => {
    if (!holding) return;
    holding = false;
    done(Number(input.value));
  };
  const later = () => {
    for (const name of ENDS) removeEventListener(name, later, true);
    from = null;
    setTimeout(end);  // after "change", where one comes
  };
  input.addEventListener("pointerdown", () => {
    from = input.value;
    taken = false;
    for (const name of ENDS) addEventListener(name, later, true);
  });
  input.addEventListener("keydown", (event) => {
    if (from === null || taken || !takesBack(event)) return;
    event.stopPropagation();
    event.preventDefault();
    input.value = from;
    taken = true;
    if (holding) back();
    holding = false;
  });
  input.addEventListener("input", () => {
    if (taken && from !== null) {
      input.value = from;
      return;
    }
    holding = true;
    moved(Number(input.value));
  });
  input.addEventListener("change", end);
  return input;
}
