/** Time that the threads of this process have had on a core, and have waited for one, by the scheduler of Linux. */
import * as fs from "node:fs"

/** Times of one or several threads, in nanoseconds. */
export interface Time {
  readonly ran: number
  /** Time for which a thread could have run, but had no core. */
  readonly waited: number
}

export interface Usage {
  /** Thread that runs JavaScript. */
  readonly main: Time
  /** All other threads: the collector, the compiler and the pool of libuv. */
  readonly helpers: Time
}

const none: Time = { ran: 0, waited: 0 }

export const add = (a: Time, b: Time): Time => ({ ran: a.ran + b.ran, waited: a.waited + b.waited })

const subtract = (a: Time, b: Time): Time => ({ ran: a.ran - b.ran, waited: a.waited - b.waited })

/** Returns the usage between two readings. */
export const between = (before: Usage, after: Usage): Usage => ({
  main: subtract(after.main, before.main),
  helpers: subtract(after.helpers, before.helpers),
})

/** Returns the times of all threads of a usage. */
export const total = ({ helpers, main }: Usage): Time => add(main, helpers)

/** Parses the statistics of a thread: the time on a core, the time in the queue of a core, and the number of turns. */
export const parse = (text: string): Time => {
  const [ran = Number.NaN, waited = Number.NaN] = text.trim().split(" ").map(Number)
  return { ran, waited }
}

/** Reads the usage of this process. A thread that has ended no longer counts. */
export const read = (): Usage => {
  const tasks = "/proc/self/task"
  let main = none
  let helpers = none
  for (const id of fs.readdirSync(tasks)) {
    const time = readTask(`${tasks}/${id}/schedstat`)
    if (Number(id) === process.pid) main = time
    else helpers = add(helpers, time)
  }
  return { main, helpers }
}

const readTask = (file: string): Time => {
  try {
    return parse(fs.readFileSync(file, "utf8"))
  } catch {
    // The thread has ended since the list was read.
    return none
  }
}
