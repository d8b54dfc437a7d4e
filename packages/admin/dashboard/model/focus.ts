/** Cell that has the focus: its position in the order of the matrix. */
export type Position = readonly [row: number, column: number]

const steps: { readonly [key: string]: Position } = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}

/** Returns the cell to which a key moves the focus, or `undefined` for another key. */
export const moved = ([row, column]: Position, key: string, size: number): Position | undefined => {
  if (key === "Home") return [row, 0]
  if (key === "End") return [row, size - 1]
  const step = steps[key]
  if (step === undefined) return undefined
  const bound = (value: number) => Math.min(size - 1, Math.max(0, value))
  return [bound(row + step[0]), bound(column + step[1])]
}
