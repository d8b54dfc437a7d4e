/**
 * Explores the orders of inputs of two nodes with one map further than the tests of a commit. Prints what it visited, and
 * exits with 1 if an order breaks an invariant.
 */
import { explore } from "./Exploration.ts"

for (const faults of [1, 2]) {
  const depth = 9
  const { problem, settled, steps, worlds } = explore({ depth, faults })
  const what = `${depth} inputs, ${faults} of them changes or faults`
  console.log(`${what}: ${worlds} worlds, ${steps} steps, ${settled} settled: ${problem ?? "no invariant is broken"}`)
  if (problem !== undefined) process.exitCode = 1
}
