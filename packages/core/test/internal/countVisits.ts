/** Prototypes of the iterators of maps and sets. */
const iterators: ReadonlyArray<{ next: () => unknown }> = [
  Object.getPrototypeOf(new Map().keys()),
  Object.getPrototypeOf(new Set().keys()),
]

/** Runs a function, and returns the number of entries of maps and sets that it visits in loops. */
export const countVisits = (run: () => void): number => {
  let visited = 0
  const restore = iterators.map((prototype) => {
    const { next } = prototype
    prototype.next = function (this: unknown) {
      visited++
      return next.call(this)
    }
    return () => {
      prototype.next = next
    }
  })
  try {
    run()
  } finally {
    for (const each of restore) each()
  }
  return visited
}
