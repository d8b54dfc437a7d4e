import { createParser } from "eventsource-parser"
import { type AdminClient, TokenNeeded } from "./AdminClient.ts"
import { pause } from "./pause.ts"

/** Waits between attempts to open the stream again, in milliseconds. */
const firstWait = 500
const longestWait = 4_000

/**
 * Bound of one event, in characters. A snapshot of 300 peers with 8 KiB of metadata each has 2.5 million.
 */
const maxBufferSize = 4 * 1_024 * 1_024

export interface Handlers {
  readonly onEvent: (tag: string, data: string) => void
  readonly onOpen: () => void
  readonly onLost: () => void
  readonly onTokenNeeded: (message: string) => void
}

/** Reads the event stream, and opens it again after the last event that it has seen. */
export class EventReader {
  private lastId: string | undefined
  private wait = firstWait
  private readonly client: AdminClient
  private readonly handlers: Handlers

  constructor(client: AdminClient, handlers: Handlers) {
    this.client = client
    this.handlers = handlers
  }

  /** Reads until the signal aborts. It uses `fetch`, because `EventSource` cannot send a token. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one stream at a time
        await this.read(signal)
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof TokenNeeded) {
          this.handlers.onTokenNeeded(error.message)
          return
        }
      }
      if (signal.aborted) return
      this.handlers.onLost()
      // oxlint-disable-next-line no-await-in-loop -- waits between two attempts
      await pause(this.wait, signal)
      this.wait = Math.min(longestWait, this.wait * 2)
    }
  }

  /** Reads one stream to its end. */
  private async read(signal: AbortSignal): Promise<void> {
    const reader = (await this.client.events(this.lastId, signal)).getReader()
    this.wait = firstWait
    this.handlers.onOpen()
    const decoder = new TextDecoder()
    const parser = createParser({
      maxBufferSize,
      onEvent: ({ data, event, id }) => {
        if (id !== undefined && id !== "") this.lastId = id
        if (event !== undefined && event !== "heartbeat") this.handlers.onEvent(event, data)
      },
    })
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- chunks come one after the other
      const { done, value } = await reader.read()
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
    }
  }
}
