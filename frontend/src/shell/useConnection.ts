import { computed, onScopeDispose, ref, type ComputedRef } from 'vue';
import { connection, staleSince } from '@/live/live';

/** What a page says about its connection. */
export type Shown = 'connected' | 'reconnecting' | 'offline';

/** Whether the device has a network, as far as the browser knows. */
export function useOnline(): ComputedRef<boolean> {
  const isOnline = ref(navigator.onLine);
  const read = (): void => {
    isOnline.value = navigator.onLine;
  };
  addEventListener('online', read);
  addEventListener('offline', read);
  onScopeDispose(() => {
    removeEventListener('online', read);
    removeEventListener('offline', read);
  });
  return computed(() => isOnline.value);
}

/** The state of the connection in one word. A short interruption is none. */
export function useShownConnection(): ComputedRef<Shown> {
  const isOnline = useOnline();
  return computed(() => {
    if (!isOnline.value) return 'offline';
    if (connection.value === 'open' || staleSince.value === undefined) return 'connected';
    return 'reconnecting';
  });
}
