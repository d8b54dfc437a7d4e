/**
 * Constructor of layers of policies. A policy is a reference with a default, so `Layer.succeed` gives its layer a type
 * that provides nothing. The identifier type names the policy that the layer provides, so that `Cluster.layer` accepts
 * no other layers. It has no counterpart at run time.
 */
import type * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** Makes a function that provides the policy with the given identifier type. */
export const policyLayer =
  <Id>() =>
  <Policy>(reference: Context.Reference<Policy>, policy: Policy): Layer.Layer<Id> =>
    Layer.succeed(reference, policy) as Layer.Layer<Id>
