/**
 * Layers of policies. A policy is a reference, which has a default, so `Layer.succeed` types its layer as if it provided nothing.
 * The type that is given here says which policy the layer provides, so that `Cluster.layer` accepts nothing else. It has no
 * counterpart at run time.
 */
import type * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** Makes a function that provides the policy with the given identifier type. */
export const policyLayer =
  <Id>() =>
  <Policy>(reference: Context.Reference<Policy>, policy: Policy): Layer.Layer<Id> =>
    Layer.succeed(reference, policy) as Layer.Layer<Id>
