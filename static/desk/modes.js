// PURE: the state for a solution. What its mode asks comes with it from the server (app/modes).

import { BranchingState } from "./branching-state.js";
import { LabelingState } from "./labeling-state.js";

export function createState(payload) {
  return payload.task.is_branching ? new BranchingState(payload) : new LabelingState(payload);
}
