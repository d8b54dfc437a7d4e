import type { View } from "../View.ts"

/** Returns the classes of a mark that is in the past of the selected event, or is the selected event. */
export const highlightClass = ({ past, selected }: View, event: number): string =>
  `${past?.[event] === true ? " in" : ""}${selected === event ? " selected" : ""}`
