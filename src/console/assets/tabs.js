// Limits the tails of one browser. A browser opens at most six HTTP/1.1 connections to a service and each tail occupies
// one, so that with six tails no other request would be sent.

const MAX_FOLLOWING_TABS = 4;

const ownId = `${Date.now()}-${Math.random()}`;
const tabs = new BroadcastChannel("accredit tail");
/** The tabs that began to follow after this one. */
const laterTabs = new Set();

/** Calls `giveUp` when too many tabs that started later follow. */
export function shareWithTabs(giveUp) {
  tabs.onmessage = ({ data: { tab, follows } }) => {
    if (!follows) return laterTabs.delete(tab);
    laterTabs.add(tab);
    if (laterTabs.size >= MAX_FOLLOWING_TABS) giveUp();
  };
  addEventListener("pagehide", () => announce(false));
}

/** Tells the other tabs whether this one follows. */
export function announce(follows) {
  laterTabs.clear();
  tabs.postMessage({ tab: ownId, follows });
}
