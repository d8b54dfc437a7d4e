/**
 * Explores the orders of events of three nodes three events further than the tests of a commit. Prints what it visited,
 * and exits with 1 if an order breaks an invariant.
 */
import { depths, explore } from "./Exploration.ts"

const further = 3

for (const lies of [false, true]) {
  for (const subject of [0, 1, 2]) {
    const depth = further + (lies ? depths.lies : depths.faults)
    const { depth: reached, problem, steps, worlds } = explore({ subject, depth, lies })
    const what = `${lies ? "false reports about" : "faults of"} node ${subject + 1}`
    console.log(`${what}: ${reached} events, ${worlds} worlds, ${steps} steps: ${problem ?? "no invariant is broken"}`)
    if (problem !== undefined) process.exitCode = 1
  }
}
