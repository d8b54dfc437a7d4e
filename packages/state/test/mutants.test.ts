/** Mutation tests of the simulation: the swarm must find the defect of each mutant. */
import { findMutants } from "../../core/test/simulation/findMutants.ts"
import { mutants } from "./mutants.ts"
import { mutants as valueMutants } from "./values/mutants.ts"

findMutants("a mutant of owned maps is found", mutants)
findMutants("a mutant of shared values is found", valueMutants)
