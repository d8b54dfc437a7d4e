import { type EventLine, eventLine } from "./eventLine.ts"

/** Maximum number of lines of the log. The node keeps 1,024 events, and the page shows the latest. */
export const maxLines = 300

/** The latest events. Lines are made only when they are shown, however many events come. */
export class EventLog {
  private waiting: Array<{ readonly key: number; readonly tag: string; readonly data: string }> = []
  private shown: ReadonlyArray<EventLine> = []
  private next = 0

  add(tag: string, data: string): void {
    this.waiting.push({ key: this.next++, tag, data })
    // Twice the bound, so that the cut is rare.
    if (this.waiting.length > 2 * maxLines) this.waiting = this.waiting.slice(-maxLines)
  }

  /** Returns the lines, the newest first. The same array is returned until an event comes. */
  get lines(): ReadonlyArray<EventLine> {
    if (this.waiting.length > 0) {
      const lines = this.waiting.slice(-maxLines).map(({ data, key, tag }) => eventLine(key, tag, data))
      this.waiting = []
      this.shown = [...lines.reverse(), ...this.shown].slice(0, maxLines)
    }
    return this.shown
  }
}
