// Limits the tails of one browser. A browser opens at most six HTTP/1.1 connections to a service and each tail occupies
// one, so that with six tails no other request would be sent.

const MAX_FOLLOWING_TABS = 4;

const own = `${Date.now()}-${Math.random()}`;
const tabs = new BroadcastChannel("accredit tail");
/** The following tabs that started later than this one. */
const later = new Set();

/** Calls `giveUp` when too many tabs that started later follow. */
export function shareWithTabs(giveUp) {
  tabs.onmessage = ({ data: { tab, follows } }) => {
    if (!follows) return later.delete(tab);
    later.add(tab);
    if (later.size >= MAX_FOLLOWING_TABS) giveUp();
  };
  addEventListener("pagehide", () => tell(false));
}

/** Tells the other tabs whether this one follows. */
export function tell(follows) {
  later.clear();
  tabs.postMessage({ tab: own, follows });
}
