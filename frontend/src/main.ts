// First, because it declares the order of the cascade layers.
import '@/styles/index.css';
import 'pretendard/dist/web/variable/pretendardvariable-dynamic-subset.css';
import { VUE_QUERY_CLIENT } from '@tanstack/vue-query';
import { createApp } from 'vue';
import { queryClient } from '@/api/queries';
import { router } from '@/router';
import { loadTexts } from '@/texts/texts';
import App from '@/App.vue';

// What VueQueryPlugin does apart from the developer tools.
queryClient.mount();
const app = createApp(App).provide(VUE_QUERY_CLIENT, queryClient);
void loadTexts().then(() => app.use(router).mount('#app'));
