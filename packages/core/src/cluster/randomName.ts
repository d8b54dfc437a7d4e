import type { Source } from "../Entropy.ts"

/** Returns 128 random bits in hex: the name of a node that was given none. */
export const randomName = (source: Source): string =>
  Array.from({ length: 4 }, () => source.u32().toString(16).padStart(8, "0")).join("")
