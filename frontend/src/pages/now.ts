import { onScopeDispose, ref, type Ref } from 'vue';

/** How often a wait that is shown in minutes changes. */
const STEP_MS = 30_000;

/** The present moment in milliseconds, for waits and ages that grow while the page is open. */
export function useNow(): Readonly<Ref<number>> {
  const now = ref(Date.now());
  const timer = setInterval(() => {
    now.value = Date.now();
  }, STEP_MS);
  onScopeDispose(() => clearInterval(timer));
  return now;
}
