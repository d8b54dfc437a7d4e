/** Ids of events: the generation of the node and the number of the event, such as `1767225600000-12`. */

export interface EventId {
  readonly life: number
  readonly number: number
}

export const writeEventId = (life: number, number: number): string => `${life}-${number}`

/** Returns the parts of an id, or `undefined` if the text is none. */
export const parseEventId = (text: string): EventId | undefined => {
  const found = /^(\d{1,16})-(\d{1,16})$/.exec(text)
  if (found === null) return undefined
  const [life, number] = [Number(found[1]), Number(found[2])]
  return Number.isSafeInteger(life) && Number.isSafeInteger(number) ? { life, number } : undefined
}
