/**
 * Measures a cluster of hundreds of nodes in the simulation. All nodes start at one time with one seed, then idle. A
 * tenth of them fails at one time and returns. Prints a table, and exits with 1 if a value exceeds its budget
 * (docs/scale.md).
 *
 *     node --max-old-space-size=12000 benchmarks/membership/scale.ts [--nodes 50,100,300] [--seed 1] [--terms] [--json]
 *       [--out docs]
 *
 * With `--out` it writes the table into scale.md of the folder.
 */
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import { budgets, excesses, type Phase, scale } from "../../packages/core/test/simulation/scale.ts"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"
import { fill, table } from "./markdown.ts"

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "50,100,300" },
    seed: { type: "string", default: "1" },
    terms: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    out: { type: "string", default: "" },
  },
})

const number = (n: number, digits = 0): string =>
  n.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

const cpuSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const run = Effect.fnUntraced(function* (nodes: number) {
  const phases: Array<Phase> = []
  const before = cpuSeconds()
  const { failure } = yield* Simulation.outcome(
    scale(nodes, (phase) => phases.push(phase)),
    { seed: Number(values.seed), stacks: false },
  )
  const cpu = cpuSeconds() - before
  return { nodes, phases, cpu, rss: process.memoryUsage().rss, failure: failure?.message }
})

const main = Effect.gen(function* () {
  const results = []
  for (const nodes of values.nodes.split(",").map(Number)) results.push(yield* run(nodes))
  const wrong = results.flatMap(({ failure, nodes, phases }) => [
    ...excesses(nodes, phases),
    ...(failure === undefined ? [] : [failure]),
  ])
  const text = table(
    ["nodes, phase", "virtual s", "at most", "frames per node", "at most", "bytes per node", "at most"],
    results.flatMap(({ nodes, phases }) =>
      phases.map(({ bytes, frames, name, seconds }) => {
        const most = budgets(nodes)[name]
        return [
          `${nodes}, ${name}`,
          number(seconds, 2),
          number(most.seconds, 1),
          number(frames),
          number(most.frames),
          number(bytes),
          number(most.bytes),
        ]
      }),
    ),
  )
  if (values.out !== "") fill(new URL("scale.md", pathToFileURL(`${values.out}/`)), "scale", text)
  if (values.json) {
    const plain = results.map((result) => ({
      ...result,
      phases: result.phases.map((phase) => ({ ...phase, kinds: Object.fromEntries(phase.kinds) })),
    }))
    console.log(JSON.stringify({ results: plain, wrong }, undefined, 2))
  } else {
    console.log(`${text}\n`)
    for (const { nodes, phases } of values.terms ? results : []) {
      for (const { kinds, name } of phases) {
        console.log(`\n${nodes} nodes, ${name}: budget of a node, and frames that it wrote`)
        for (const { bytes, frames, what } of budgets(nodes)[name].terms) {
          console.log(`  ${what}: ${number(frames)} frames, ${number(bytes)} bytes`)
        }
        for (const [kind, count] of kinds) {
          console.log(`    ${kind}: ${number(count.frames / nodes, 1)} frames, ${number(count.bytes / nodes)} bytes`)
        }
      }
    }
    console.log("")
    for (const { cpu, nodes, rss } of results) {
      console.log(`${nodes} nodes: ${number(cpu, 1)} s of CPU, ${number(rss / 2 ** 20)} MiB`)
    }
    for (const each of wrong) console.error(each)
  }
  process.exitCode = wrong.length === 0 ? 0 : 1
})

await Effect.runPromise(main)
