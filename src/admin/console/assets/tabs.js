// Shares connections among the tabs of one browser. It opens six to a service that speaks HTTP/1.1, a tail holds one for
// as long as it follows, and with six tails no tab would be answered any more.

const MOST_FOLLOWING = 4;

const own = `${Date.now()}-${Math.random()}`;
const tabs = new BroadcastChannel("accredit tail");
/** Those that follow, and began later than this one. */
const later = new Set();

/** Calls that once so many other tabs follow that began later. */
export function shareWithTabs(giveUp) {
  tabs.onmessage = ({ data: { tab, follows } }) => {
    if (!follows) return later.delete(tab);
    later.add(tab);
    if (later.size >= MOST_FOLLOWING) giveUp();
  };
  addEventListener("pagehide", () => tell(false));
}

/** Tells the other tabs whether this one follows, from now on. */
export function tell(follows) {
  later.clear();
  tabs.postMessage({ tab: own, follows });
}
