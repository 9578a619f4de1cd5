# Tidemark in a container: `docker build -t tidemark .`
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev \
  # The runtime of models brings the libraries of all systems along, 240 MB of them.
  && find node_modules/onnxruntime-node/bin/napi-v* -mindepth 1 -maxdepth 1 ! -name linux \
    -exec rm -rf {} +

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/tidemark
COPY --from=build /build/package.json /build/LICENSE /build/CHANGELOG.md ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/schemas ./schemas
COPY --from=build /build/bundles ./bundles
RUN ln -s /opt/tidemark/dist/src/main.js /usr/local/bin/tidemark && chmod +x dist/src/main.js \
  && install -d -o node -g node /var/lib/tidemark
USER node
VOLUME /var/lib/tidemark
EXPOSE 8080
# Liveness only: a process that restores, or is stopping, is not ready and must not be killed.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tidemark"]
CMD ["--help"]
