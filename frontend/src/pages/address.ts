import { computed, type WritableComputedRef } from 'vue';
import { useRoute, useRouter } from 'vue-router';

/**
 * A value that lives in the query string, so that Back and a link to a colleague keep it. An empty
 * one is not in the address.
 */
export function useAddress(name: string, fallback = ''): WritableComputedRef<string> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => {
      const value = route.query[name];
      return (Array.isArray(value) ? value[0] : value) ?? fallback;
    },
    set: (next) => {
      const query = { ...route.query };
      delete query[name];
      if (next !== '' && next !== fallback) query[name] = next;
      void router.replace({ query });
    },
  });
}

/** Several values of one name, as in `?region=부산&region=경북`. */
export function useAddressList(name: string): WritableComputedRef<string[]> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => [route.query[name] ?? []].flat().filter((value) => value !== null),
    set: (next) => {
      const query = { ...route.query };
      delete query[name];
      if (next.length > 0) query[name] = next;
      void router.replace({ query });
    },
  });
}
