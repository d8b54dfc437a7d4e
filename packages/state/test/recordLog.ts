import * as Logger from "effect/Logger"

/** Returns a layer with a logger, and the texts that it has logged. */
export const recordLog = () => {
  const lines: Array<string> = []
  return { lines, logger: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}
