// The console's script. Without it, the page shows the state at the time it was loaded.

import { byId } from "./dom.js";
import { startExplain } from "./explain.js";
import { startLive } from "./live.js";
import { startTail } from "./tail.js";

if (byId("explain-form")) startExplain();
if (byId("counts")) startLive();
if (byId("tail")) startTail();
