/**
 * Components of a node that packages add, such as an owned map of `@coterie/state`, for people who look at the node. A
 * component describes itself when somebody asks, and costs nothing otherwise. The admin service shows all components of a
 * node.
 *
 * **Example** (Show the size of a cache)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { Effect } from "effect"
 *
 * const show = (cache: ReadonlyMap<string, unknown>) =>
 *   Effect.gen(function* () {
 *     const { components } = yield* Cluster.Cluster
 *     const component = { kind: "cache", name: "prices", describe: () => ({ facts: { entries: cache.size } }) }
 *     yield* Effect.acquireRelease(
 *       Effect.sync(() => components.add(component)),
 *       (remove) => Effect.sync(remove),
 *     )
 *   })
 * ```
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * Facts about a component, by their names. They have counts and states. They have contents of the application only
 * if the application allows that, because everybody who may look at the node sees them.
 *
 * @category models
 * @since 0.1.0
 */
export type Facts = Readonly<Record<string, string | number | boolean>>

/**
 * Table of a component: an array, or an object that makes each row when it is read. Use the latter for many rows, because
 * a reader may want a few of them only.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rows extends Iterable<Facts> {
  /** Number of rows. The iterator may yield only the first of them. */
  readonly length: number
}

/**
 * Description of a component at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Description {
  readonly facts: Facts
  /**
   * Table with one row for each of the things of which the component has many, such as peers. A row may lack a fact. Rows
   * that are made when they are read have the state of that moment.
   */
  readonly rows?: Rows | undefined
}

/**
 * Component of a node.
 *
 * @category options
 * @since 0.1.0
 */
export interface Component {
  /** Kind of the component in one word, such as `map`. */
  readonly kind: string
  /** Name of the component among those of its kind. */
  readonly name: string
  /** Describes the component. It runs in the fiber that asks, must not throw, and should take less than a millisecond. */
  readonly describe: () => Description
}

/**
 * Description of a component with its kind and name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described extends Description {
  readonly kind: string
  readonly name: string
}

/**
 * Components of one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeComponents {
  /** Adds a component. Returns a function that removes it, for example when its scope closes. */
  readonly add: (component: Component) => () => void
  /** Describes all components, ordered by kind and name. */
  readonly describe: Effect.Effect<ReadonlyArray<Described>>
}
