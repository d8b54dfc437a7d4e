/** Numbers that nodes send to each other. A receiver checks that none is missing, repeated or out of order. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Node } from "./secretCluster.ts"

/** A node between two restarts. */
export interface Life {
  readonly node: Node
  /** Name of the node, and the number of its restarts. */
  readonly name: string
}

/** The numbers from one life to another. */
export class Flow {
  readonly from: string
  readonly to: string
  private nextNumber = 0
  private first = 0
  private last = -1
  private count = 0
  private readonly problems: Array<string> = []

  constructor(from: string, to: string) {
    this.from = from
    this.to = to
  }

  /** Next number to send. Equals the number of messages that were accepted. */
  get sent(): number {
    return this.nextNumber
  }

  get received(): number {
    return this.count
  }

  /** Numbers that came twice, or after a greater one. */
  get disorders(): ReadonlyArray<string> {
    return this.problems
  }

  /** Numbers between the first and the last one that came, and have not come themselves. */
  get gaps(): number {
    return this.count === 0 ? 0 : this.last - this.first + 1 - this.count
  }

  readonly accepted = (): void => {
    this.nextNumber++
  }

  take(number: number): void {
    if (this.count === 0) this.first = number
    if (number <= this.last) this.problems.push(`${this.from} to ${this.to}: ${number} after ${this.last}`)
    this.last = Math.max(this.last, number)
    this.count++
  }
}

export class Traffic {
  private readonly pause: number
  private isStopped = false
  private readonly all = new Map<string, Flow>()
  private readonly senders: Array<Fiber.Fiber<void>> = []

  /** Milliseconds between two messages of a flow. */
  constructor(pause: number) {
    this.pause = pause
  }

  get flows(): ReadonlyArray<Flow> {
    return [...this.all.values()]
  }

  /** Lets a node receive until the scope closes. */
  receive({ name, node }: Life): Effect.Effect<void, never, Scope.Scope> {
    const take = ({ text }: { readonly text: string }) =>
      Effect.sync(() => {
        const [from = "", to = "", number] = text.split(" ")
        // A message for an earlier life appears as a flow that has sent nothing.
        this.flow(from, to === name ? to : `${name} instead of ${to}`).take(Number(number))
      })
    return Effect.asVoid(Effect.forkScoped(Stream.runForEach(node.cluster.inbox, take)))
  }

  /** Lets a node send to another one until all stop or the scope closes. A message that is not accepted is sent again. */
  send(from: Life, to: Life): Effect.Effect<void, never, Scope.Scope> {
    const flow = this.flow(from.name, to.name)
    const one = Effect.suspend(() =>
      Effect.match(from.node.cluster.send(to.node.name, `${from.name} ${to.name} ${flow.sent}`), {
        onFailure: () => {},
        onSuccess: flow.accepted,
      }),
    )
    const loop: Effect.Effect<void> = Effect.suspend(() =>
      this.isStopped ? Effect.void : Effect.andThen(Effect.andThen(one, Effect.sleep(this.pause)), loop),
    )
    return Effect.map(Effect.forkScoped(loop), (fiber) => void this.senders.push(fiber))
  }

  /** Stops, and waits for the sends that are under way. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    this.isStopped = true
    return Effect.forEach(this.senders, (fiber) => Fiber.await(fiber), { discard: true })
  })

  private flow(from: string, to: string): Flow {
    const key = `${from} to ${to}`
    const flow = this.all.get(key) ?? new Flow(from, to)
    this.all.set(key, flow)
    return flow
  }
}
