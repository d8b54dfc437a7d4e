/** Text of an item that waits for a reader: `+1` is the start of session 1, `-1` its end, and `m1` a message of it. */
import type { LaneItem, ViewItem } from "../../src/Lane.ts"

export const itemText = (item: LaneItem | ViewItem): string => {
  switch (item._tag) {
    case "SessionStarted":
      return `+${item.session}`
    case "SessionEnded":
      return `-${item.session}`
    case "Message":
      return `m${item.session}`
    default:
      return item._tag
  }
}
