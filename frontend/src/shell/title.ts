import { onScopeDispose, ref, toValue, watchEffect, type MaybeRefOrGetter } from 'vue';

/** What the view of the address calls itself, where its route says too little. */
const ownTitle = ref<string>();

/** Names the view in the title of the page, for example after the programme that it shows. */
export function useTitle(title: MaybeRefOrGetter<string | undefined>): void {
  const stop = watchEffect(() => {
    ownTitle.value = toValue(title);
  });
  onScopeDispose(() => {
    stop();
    ownTitle.value = undefined;
  });
}

/** Keeps the title of the page: the view's own one, or the one of its route. */
export function keepTitle(ofRoute: () => string | undefined): void {
  watchEffect(() => {
    const title = ownTitle.value ?? ofRoute();
    document.title = title ? `${title} · KT.GG` : 'KT.GG';
  });
}
