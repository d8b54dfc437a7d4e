/** End of the connections of one system. */
import { setImmediate as turn } from "node:timers/promises"
import { serve } from "../harness/serve.ts"
import type { Calls } from "./Calls.ts"
import type { Driver } from "./systems/Driver.ts"
import { systems } from "./systems/index.ts"

/** Collections before a reading. The finalizers of one free memory for the next. */
const collections = 3

const make = (): Calls => {
  let driver: Driver | undefined
  const current = (): Driver => {
    if (driver === undefined) throw new Error("no system is set up")
    return driver
  }
  return {
    setup: async (system, proofs) => {
      const make = await systems[system]?.load()
      if (make === undefined) throw new Error(`the system ${system} is unknown`)
      driver = make(proofs)
    },
    listen: () => current().listen(),
    cycle: async (address, { atOnce }, millis) => {
      const start = performance.now()
      const connections = await current().cycle(address, atOnce, () => performance.now() - start < millis)
      return { connections, seconds: (performance.now() - start) / 1_000 }
    },
    hold: (address, { count }) => current().hold(address, count),
    cpu: async () => {
      const { system, user } = process.cpuUsage()
      return system + user
    },
    memory: async () => {
      const { gc } = globalThis
      if (gc === undefined) throw new Error("the process needs --expose-gc")
      for (let i = 0; i < collections; i++) {
        gc({ type: "major", execution: "sync", flavor: "last-resort" })
        await turn()
      }
      return process.memoryUsage.rss()
    },
  }
}

serve(make())
