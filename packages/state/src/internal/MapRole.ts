/** Role of an owned map in the application. Errors and log lines have the names that the application gave. */
import type { Subject } from "../StateError.ts"

export interface MapRole {
  /** Subject of the errors of the map. */
  readonly subject: Subject
  /** The subject in a sentence, such as `the map "jobs"`. */
  readonly text: string
  /** Returns the key that the application gave, from the key of an entry. */
  readonly keyOf: (encodedKey: string) => string
}

/** Returns the role of a map, a presence, a group or a value. */
export const roleOf = (subject: Subject, keyOf = (encodedKey: string): string => encodedKey): MapRole => ({
  subject,
  text: `the ${subject.kind} "${subject.name}"`,
  keyOf,
})
