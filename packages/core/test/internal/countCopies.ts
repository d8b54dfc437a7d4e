/** Runs a function, and returns the number of entries in all maps that it copies. */
export const countCopies = (run: () => void): number => {
  const construct = globalThis.Map
  let copied = 0
  class CountedMap<K, V> extends construct<K, V> {
    constructor(entries?: Iterable<readonly [K, V]> | null) {
      super(entries)
      copied += this.size
    }
  }
  globalThis.Map = CountedMap as MapConstructor
  try {
    run()
  } finally {
    globalThis.Map = construct
  }
  return copied
}
