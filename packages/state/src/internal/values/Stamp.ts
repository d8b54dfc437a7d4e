/**
 * Hybrid logical timestamps of writes: the wall clock of the writer, and a counter for writes that the clock does not
 * order (Kulkarni et al., "Logical Physical Clocks"). A write that was made after seeing another one has the greater
 * stamp, whatever the clocks of the writers say.
 */
import type { PeerId } from "@coterie/core/Peer"

export interface Stamp {
  /** Wall clock in milliseconds since 1970, or the `wall` of the stamp before if that is greater. */
  readonly wall: number
  /** Number of stamps before this one with the same `wall`. */
  readonly count: number
  /** Life of the writer. */
  readonly by: PeerId
}

/** Greatest wall clock: the year 10889. */
export const maxWall = 2 ** 48 - 1

/** Greatest counter. A writer that reaches it adds a millisecond. */
export const maxCount = 65_535

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Orders stamps. Stamps of two lives are never equal. */
export const compare = (a: Stamp, b: Stamp): number =>
  a.wall - b.wall || a.count - b.count || compareText(a.by.name, b.by.name) || a.by.generation - b.by.generation

/** Returns `true` for two stamps of one life of a node. */
export const isSameLife = (a: Stamp, b: Stamp): boolean =>
  a.by.name === b.by.name && a.by.generation === b.by.generation

/** Returns a stamp after `last`. `clock` is the wall clock. `undefined` if `last` is the greatest stamp. */
export const next = (last: Stamp | undefined, clock: number, by: PeerId): Stamp | undefined => {
  const wall = Math.min(maxWall, Math.max(0, Math.floor(clock)))
  if (last === undefined || wall > last.wall) return { wall, count: 0, by }
  if (last.count < maxCount) return { wall: last.wall, count: last.count + 1, by }
  return last.wall < maxWall ? { wall: last.wall + 1, count: 0, by } : undefined
}

/** Returns a text that is equal for equal stamps. */
export const keyOf = ({ by, count, wall }: Stamp): string => `${wall}/${count}/${by.generation}/${by.name}`
