/** The policies of a node: the types of their layers, and their description in the log. */
import * as Layer from "effect/Layer"
import * as Admission from "../Admission.ts"
import * as Discovery from "../Discovery.ts"
import * as FailureDetector from "../FailureDetector.ts"
import * as Gossip from "../Gossip.ts"
import * as Reconnect from "../Reconnect.ts"
import * as TopicSerialization from "../TopicSerialization.ts"

/**
 * Policy of a node: a decision that can be made in more than one way. Each policy has a default, and a module with its
 * layers.
 *
 * @category models
 * @since 0.1.0
 */
export type Policy =
  | Admission.Admission
  | Discovery.Discovery
  | FailureDetector.FailureDetector
  | Gossip.Gossip
  | Reconnect.Reconnect
  | TopicSerialization.TopicSerialization

/**
 * Option with the policies of a node.
 *
 * @category options
 * @since 0.1.0
 */
export interface PolicyOptions<Layers extends ReadonlyArray<Layer.Any>> {
  /**
   * Layers of policies: of `Admission`, `Discovery`, `FailureDetector`, `Gossip`, `Reconnect` and `TopicSerialization`,
   * or several of them merged. They override policies that are provided to the layer of the cluster. Of two layers of
   * one policy, the later one takes effect.
   */
  readonly policies: Layers
}

/**
 * `never` if all layers provide policies and nothing else. Otherwise a requirement that nothing provides and whose text
 * describes the mistake. A check in the type of the option itself would break the inference of calls such as
 * `Layer.merge` inside the list.
 *
 * @category utility types
 * @since 0.1.0
 */
export type OnlyPolicies<Layers extends ReadonlyArray<Layer.Any>> =
  Layer.Layer<never> extends Layers[number]
    ? NotAPolicy
    : [Exclude<Layer.Success<Layers[number]>, Policy>] extends [never]
      ? never
      : NotAPolicy

type NotAPolicy = "every layer in `policies` must provide policies of the cluster and nothing else"

/** Merges the layers of policies. Of two layers of one policy, the later one takes effect. */
export const mergePolicies = (policies: ReadonlyArray<Layer.Layer<never>>): Layer.Layer<never> => {
  let merged: Layer.Layer<never> = Layer.empty
  for (const policy of policies) merged = Layer.merge(merged, policy)
  return merged
}

/** The policies of one node. */
export interface Policies {
  readonly admission: Admission.Policy
  readonly detector: FailureDetector.Policy
  readonly discovery: Discovery.Policy
  readonly gossip: Gossip.Policy
  readonly reconnect: Reconnect.Policy
  readonly serialization: TopicSerialization.Service
}

/** Returns the description of the policies for the log: the provided ones and the defaults. */
export const describePolicies = ({
  admission,
  detector,
  discovery,
  gossip,
  reconnect,
  serialization,
}: Policies): string => {
  const isDefault = {
    Admission: admission === Admission.admitAll,
    Discovery: discovery === Discovery.defaults,
    FailureDetector: detector === FailureDetector.lan,
    Gossip: gossip === Gossip.defaults,
    Reconnect: reconnect === Reconnect.defaultSchedule,
    TopicSerialization: serialization === TopicSerialization.json,
  }
  const entries = Object.entries(isDefault)
  const names = (wanted: boolean) => entries.filter(([, is]) => is === wanted).map(([name]) => name)
  const groups = [
    { label: "given", names: names(false) },
    { label: "default", names: names(true) },
  ]
  return groups
    .filter(({ names }) => names.length > 0)
    .map(({ label, names }) => `${names.join(", ")} (${label})`)
    .join(", ")
}
