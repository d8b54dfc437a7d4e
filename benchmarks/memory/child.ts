/** End of the links of one system: the node under test, or its peers. */
import { setImmediate as turn } from "node:timers/promises"
import { serve } from "../harness/serve.ts"
import type { Calls } from "./Calls.ts"
import * as Coterie from "./coterie.ts"
import * as Raw from "./raw.ts"
import type { System } from "./System.ts"

const systems: { readonly [name: string]: System } = { raw: Raw.system, coterie: Coterie.system }

/** Collections before a reading. The finalizers of one free memory for the next. */
const collections = 4

const systemOf = (name: string): System => {
  const system = systems[name]
  if (system === undefined) throw new Error(`the system ${name} is unknown`)
  return system
}

const make = (): Calls => {
  let links = () => 0
  const ends: Array<() => void> = []
  return {
    listen: async (name) => {
      const node = await systemOf(name).listen()
      links = node.links
      return node.port
    },
    connect: async (name, port, { from, to }) => {
      for (let i = from; i < to; i++) ends.push(await systemOf(name).connect(port, i))
    },
    disconnect: async () => {
      for (const end of ends.splice(0)) end()
    },
    links: async () => links(),
    cpu: async () => {
      const { system, user } = process.cpuUsage()
      return (system + user) / 1_000
    },
    memory: async () => {
      const { gc } = globalThis
      if (gc === undefined) throw new Error("the process needs --expose-gc")
      for (let i = 0; i < collections; i++) {
        gc({ type: "major", execution: "sync", flavor: "last-resort" })
        await turn()
      }
      const { heapUsed, rss } = process.memoryUsage()
      return { rss, heap: heapUsed }
    },
  }
}

serve(make())
